# The page for people, as they have it: in a browser.  What is read off it is
# what /stats says at that time, and the browser reports what it was not
# allowed to do and whom it asked.
#
# SECTOR_SCREENSHOTS names a folder to leave pictures in.

use strict;
use warnings;

use lib 't/lib';
use Test::More;
use File::Temp ();
use JSON::PP ();
use POSIX qw(strftime);
use Time::HiRes qw(sleep);
use Chromium;
use Upstream qw(get wait_for);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $files = File::Temp->newdir('sector-dashboard-XXXXXX', TMPDIR => 1);
my $json = JSON::PP->new->utf8;
my $number = 0;
my ($nginx, $base);

chmod 0755, $files;


# What a body is from now on; whoever reads it has all or nothing of it.
sub says {
    my ($name, $text) = @_;

    open my $out, '>', "$files/$name.new" or die "$files/$name.new: $!";
    print $out $text;
    close $out or die "$files/$name.new: $!";
    rename "$files/$name.new", "$files/$name" or die "$files/$name: $!";
}


# Options: history, entries, stats, bodies to have in place of this server's
# own, which are below /true; metrics, the zone in which it keeps its history.
sub start {
    my (%option) = @_;
    my $zones = $option{metrics} ? 'sector_cache_zone metrics 1m ttl=24h;'
                                 : '';
    my $locations = '';

    $number++;

    for my $name (grep { $_ ne 'metrics' } keys %option) {
        says($name, $option{$name});

        $locations .= "location = /ops/cache/$name {"
                      . " default_type application/json;"
                      . " alias $files/$name; }\n";
    }

    $nginx = Upstream::Nginx->new(workers => 1, http => <<"END");
sector_cache_zone sectors 1m ttl=1h stale=1h;
sector_cache_zone others 1m;
$zones
sector_cache_source up retries=0;
sector_cache_source broken retries=0 failures=1 open=50s;
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /broken {
        sector_cache_api sectors=others;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch broken /fail/\$sector_cache_symbol;
    }
    location /fetch/ {
        internal;
        proxy_pass http://$up/ok/dashboard/;
    }
    location /fail/ {
        internal;
        proxy_pass http://$up/status:500,ok/dashboard/$number/;
    }
    location /ops/cache {
        sector_cache_status;
    }
    location /true {
        sector_cache_status;
    }
    location /admin {
        sector_cache_admin;
        sector_cache_admin_key off;
    }
    # a proxy under another prefix, to a name of its own
    location /proxied/ {
        proxy_set_header Host inside.invalid;
        rewrite ^/proxied/(.*) /ops/\$1 break;
        proxy_pass http://127.0.0.1:\$server_port;
    }
    $locations
}
END

    $base = "http://127.0.0.1:$nginx->{port}";
}


sub ended_well {
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
}


sub stats { return get('/ops/cache/stats')->{json} }


sub picture {
    my ($page, $name) = @_;

    $page->screenshot("$ENV{SECTOR_SCREENSHOTS}/$name.png")
        if $ENV{SECTOR_SCREENSHOTS};
}


# What the page has in a tile, in a cell of a table's row, as expressions.
sub tile { return "document.querySelector('[data-key=$_[0]] .$_[1]').innerText" }

sub cell {
    my ($table, $row, $title) = @_;

    return "[...document.querySelectorAll('#$table tr[data-key=$row] td')]"
           . ".find(one => one.dataset.title === '$title').innerText";
}

my $connection = q{document.querySelector('#connection').innerText};
my $attention = q{document.querySelector('#attention').innerText};


subtest 'the files, without a browser' => sub {
    start();

    my $page = get('/ops/cache/');
    my $headers = $page->{headers};

    is($page->{status}, 200, 'the page');
    is($headers->{'content-type'}, 'text/html; charset=utf-8', 'its type');
    is($headers->{'x-content-type-options'}, 'nosniff', 'is believed');
    is($headers->{'referrer-policy'}, 'no-referrer', 'the policy of referrers');
    is($headers->{'cache-control'}, 'no-cache', 'it is asked for anew');
    is($headers->{vary}, 'Accept-Encoding', 'it depends on the encoding');
    like($headers->{'content-security-policy'},
         qr/^default-src 'none'; script-src 'self'; style-src 'self';/,
         'it may load nothing but its own');
    unlike($headers->{'content-security-policy'}, qr/unsafe|http|\*/,
           'with no way round');
    unlike($page->{body}, qr/<style|\sstyle=|\son\w+=|<script(?! src)|<base/,
           'nothing is inline');
    unlike($page->{body}, qr{(?:src|href)="(?:/|\w+:)},
           'all references are relative');

    for my $path ($page->{body} =~ /(?:src|href)="(assets[^"]+)"/g) {
        my $plain = get("/ops/cache/$path");
        my $etag = $plain->{headers}{etag};

        is($plain->{status}, 200, $path);
        like($etag, qr{^W/"[0-9a-f]{16}"$}, 'has an ETag');
        is($plain->{headers}{'cache-control'}, 'no-cache', 'is asked for anew');

        my $same = get("/ops/cache/$path",
                       headers => ["If-None-Match: $etag"]);
        is($same->{status}, 304, 'which a browser need not have again');
        is($same->{headers}{etag}, $etag, 'with its ETag');

        my $gzip = get("/ops/cache/$path",
                       headers => ['Accept-Encoding: br, gzip']);
        my $text;

        is($gzip->{headers}{'content-encoding'}, 'gzip', 'compressed');
        require IO::Uncompress::Gunzip;
        IO::Uncompress::Gunzip::gunzip(\$gzip->{body} => \$text);
        ok($text eq $plain->{body}, 'it is the same');

        my $head = get("/ops/cache/$path", method => 'HEAD');
        is($head->{headers}{'content-length'}, length $plain->{body},
           'HEAD knows its length');
    }

    my $redirect = get('/ops/cache');
    is($redirect->{status}, 308, 'without its "/" it is elsewhere');
    is($redirect->{headers}{location}, './cache/',
       'relative, so that host and prefix are kept');

    $redirect = get('/proxied/cache');
    is($redirect->{headers}{location}, './cache/', 'behind a proxy too');
    is(get('/proxied/cache/')->{status}, 200, 'where the page is');

    is(get('/ops/cache/', method => 'POST')->{status}, 405,
       'nothing can be posted');
    is(get("/ops/cache/$_")->{code}, 'NOT_FOUND', "no \"$_\"")
        for 'assets', 'assets/', 'assets/index.html', 'assets/../stats/',
            'index.html', 'assets/dashboard.js/', 'assets/dashboard.j';
    is(get('/ops/cachexx')->{status}, 404, 'nor a longer name');

    ended_well();
};


my $browser = Chromium->start;

if (!$browser) {
    note(Chromium::why());

    SKIP: {
        skip(Chromium::why(), 1);
    }

    done_testing();
    exit;
}


# No request to anybody else, nothing forbidden, no error.
sub was_good {
    my ($page) = @_;
    my @away = grep { index($_, "$base/") != 0 }
               map { $_->{request}{url} }
               $page->events('Network.requestWillBeSent');
    my @errors = map { $_->{entry} } $page->events('Log.entryAdded');
    my @thrown = map { $_->{exceptionDetails}{exception}{description} }
                 $page->events('Runtime.exceptionThrown');

    is_deeply($page->evaluate('window.violations'), [],
              'the policy was kept to');
    is_deeply(\@away, [], 'nobody else was asked');
    is_deeply([ map { "$_->{text} " . ($_->{url} || '') } @errors ], [],
              'the console is empty');
    is_deeply(\@thrown, [], 'no error was thrown');
}


subtest 'it shows what /stats says, as it goes on' => sub {
    start(metrics => 1);

    get('/api/XLK') for 1 .. 4;
    get('/api/XLF');

    my $page = $browser->page;
    $page->visit("$base/proxied/cache");
    is($page->evaluate('location.pathname'), '/proxied/cache/',
       'it is where its references work');

    $page->wait_for('it is live', "$connection === 'Live'");
    $page->wait_for('the hit rate', tile('hitRate', 'value') . " === '60.0 %'");
    is($page->evaluate(tile('rate', 'below')), '5 since start', 'requests');
    is($page->evaluate(cell('namespaces', 'sectors', 'Requests')), '5',
       'those of the namespace');
    is($page->evaluate(cell('namespaces', 'sectors', 'Entries')), '2',
       'its entries');
    like($page->evaluate(cell('namespaces', 'sectors', 'Memory')),
         qr/^\s*[\d.]+ (?:B|KiB) of 1 MiB$/, 'its memory');
    is($page->evaluate(cell('sources', 'up', 'Fetches')), stats()->{sources}
       {up}{fetches}, 'fetches of the source');
    like($page->evaluate(tile('latency', 'below')), qr/, 2 calls$/,
         'calls of the upstream');
    is($page->evaluate($attention), 'Nothing needs attention.',
       'nothing needs attention');
    is($page->evaluate("document.querySelector('#enabled').innerText"),
       'Cache on', 'the cache is on');

    get('/api/XLK') for 1 .. 20;
    $page->wait_for('it goes on by itself', tile('rate', 'below')
                                            . " === '25 since start'");
    $page->wait_for('with the rate of now',
                    "parseFloat(${\ tile('rate', 'value')}) > 0");
    is($page->evaluate(tile('hitRate', 'scope')), 'last minute',
       'and the hit rate of the last minute');

    is(stats()->{totalRequests}, 25, 'looking at it counts for nothing');

    # the second sample is taken when a minute is over
    my $history = get('/ops/cache/history')->{json};
    is_deeply([ grep { !exists $history->{current}{$_} }
                qw(time requests hits misses stale fetches failures
                   upstreamMs) ], [], 'a sample has what is drawn');
    was_good($page);
    picture($page, 'live');
    ended_well();
};


subtest 'it says what needs attention, and for how long' => sub {
    start();
    get('/broken/BAD');
    is(stats()->{sources}{broken}{breaker}{state}, 'open',
       'a breaker has opened');
    is(scalar @{ stats()->{unservableSymbols} }, 12,
       'so that no symbol of its location can be served');

    my $page = $browser->page;
    $page->visit("$base/ops/cache/");
    $page->wait_for('it is shown', "$attention.includes('broken is open')");

    my $text = $page->evaluate($attention);
    like($text, qr/opened at .*: Source broken answered with status 500/,
         'with why');
    like($text, qr/Nothing has succeeded yet/, 'since when');
    like($text, qr/cannot be served: XLK, XLV,.*, SPY\./, 'and for whom');

    my $left = sub {
        my ($said) = @_;
        return $said =~ /next try in (\d+) s/ ? $1 : -1;
    };
    my $first = $left->($page->evaluate($attention));

    cmp_ok($first, '>', 30, 'with the time that is left');
    cmp_ok($first, '<=', 50, 'of all');
    like($page->evaluate(cell('sources', 'broken', 'Breaker')),
         qr/^Open\s+next try in \d+ s$/, 'in the table too');
    like($page->evaluate(cell('sources', 'up', 'Breaker')), qr/^Closed/,
         'the other is closed');

    wait_for('time goes by', sub {
        my $now = $left->($page->evaluate($attention));
        return $now > 0 && $now < $first;
    });
    pass('it counts down');
    is($page->evaluate(q{document.querySelector('#attention .left')
                         .getAttribute('aria-hidden')}), 'true',
       'which is not read out each second');

    get('/admin/enabled', method => 'PUT', body => '{"enabled":false}');
    $page->wait_for('that the cache is off', "$attention.includes('is off')");
    is($page->evaluate("document.querySelector('#enabled').innerText"),
       'Cache off', 'beside the title too');

    get('/admin/breaker/broken', method => 'PUT', body => '{"state":"open"}');
    $page->wait_for('that a breaker is held open',
                    "$attention.includes('held open by hand')");
    get('/admin/breaker/broken', method => 'PUT',
        body => '{"state":"closed"}');
    get('/admin/enabled', method => 'PUT', body => '{"enabled":true}');
    wait_for('it is had', sub { get('/broken/BAD')->{status} == 200 });
    $page->wait_for('and that all is well',
                    "$attention === 'Nothing needs attention.'");
    is_deeply(stats()->{unservableSymbols}, [], 'as all can be served');
    like($page->evaluate(cell('sources', 'broken', 'Breaker')),
         qr/^Closed\s+by hand$/, 'but for a hand on the breaker');
    is($page->evaluate("document.querySelector('#history-note').innerText"),
       'This server keeps no history.', 'without a history, it says so');

    ended_well();
};


# The least contrast of text on what is behind it (WCAG 2, 1.4.3), and where.
my $contrast = <<'JS';
(() => {
    const channels = c => c.match(/[\d.]+/g).map(Number);
    const luminance = c => channels(c).slice(0, 3).map(v => v / 255)
        .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const c = getComputedStyle(node).backgroundColor;
            if ((channels(c)[3] ?? 1) > 0) return c;
        }
        return 'rgb(255, 255, 255)';
    };
    let least = [21, 'nothing'];

    for (const node of document.querySelectorAll('body *')) {
        if (![...node.childNodes].some(n => n.nodeType === 3
                                            && n.data.trim())
            || !node.checkVisibility()) continue;
        const [a, b] = [luminance(getComputedStyle(node).color),
                        luminance(behind(node))].sort((x, y) => y - x);
        const ratio = (a + .05) / (b + .05);
        if (ratio < least[0]) least = [ratio, node.outerHTML];
    }
    return least;
})()
JS


# /stats as this server has it, and then as it is made to be: changes a source,
# and the rest.
sub pretend {
    my ($source, %rest) = @_;
    my $stats = get('/true/stats')->{json};

    $stats->{sources}{broken} = { %{ $stats->{sources}{broken} }, %$source };
    $stats = { %$stats, %rest };
    says(stats => $json->encode($stats));

    return $stats;
}


sub at {
    return strftime('%Y-%m-%dT%H:%M:%S.000Z', gmtime time + $_[0]);
}


# As the page says it, in the browser's own zone.
sub clock {
    my ($page, $time) = @_;

    return $page->evaluate("import('./assets/format.js')"
                           . ".then(m => m.clock(new Date('$time')))");
}


my $yes = JSON::PP::true;
my $no = JSON::PP::false;

subtest 'why a breaker opened, and until when stale data lasts' => sub {
    start(stats => '{}', history => '{"samples":[]}');

    my %breaker = (state => 'open', forced => $no, since => at(-60),
                   opened => 1, transitions => 1, retryAfter => 40);
    my %time = (opened => at(-60), good => at(-7200), until => at(3600));
    my %failing = (
        failing => $yes, failingSince => at(-120), failuresInRow => 1234,
        lastError => { time => at(-5), status => 401, symbol => 'XLK',
                       error => 'Source broken answered with status 401' },
        lastSuccess => $time{good}, staleUntil => $time{until},
        openedBecause => { time => $time{opened}, error =>
                           'Source broken did not answer <b>in time</b>' });
    pretend({ breaker => \%breaker, %failing });

    my $page = $browser->page;
    $page->visit("$base/ops/cache/");
    $page->wait_for('a breaker is open', "$attention.includes('is open')");

    my $text = $page->evaluate($attention);
    my %clock = map { $_ => clock($page, $time{$_}) } keys %time;
    like($text, qr/opened\ at\ $clock{opened},\ because\ of\ this:
                   \ Source\ broken\ did\ not\ answer\ <b>in\ time<\/b>\./x,
         'why, as plain text');
    like($text, qr/The last error: Source broken answered with status 401\./,
         'the last error');
    like($text, qr/Nothing has succeeded since $clock{good}\./, 'since when');
    like($text, qr/Stale data lasts until $clock{until}:/, 'until when');
    like($text, qr/Look at the provider's key/, 'and what to do');
    like($page->evaluate(q{document.querySelector('#errors').innerText}),
         qr/^broken:\ last\ error\ at\ \d\d:\d\d:\ Source\ broken\ answered
            \ with\ status\ 401,\ of\ XLK;\ 1,234\ in\ a\ row;\ last\ success
            \ at\ $clock{good}$/x, 'the table too, with its symbol');
    is($page->evaluate(q{document.querySelectorAll('#attention b').length}),
       0, 'an error is no markup');
    picture($page, 'failing');

    # the same as a closed breaker has it
    pretend({ breaker => { %breaker, state => 'closed' }, %failing,
              lastSuccess => undef, staleUntil => at(-1) });
    $page->wait_for('every fetch fails',
                    "$attention.includes('Every fetch of broken fails since')");
    $text = $page->evaluate($attention);
    like($text, qr/Nothing has succeeded yet\./, 'nothing was ever had');
    like($text, qr/Stale data has begun to end/, 'nor is there more');
    unlike($text, qr/It opened/, 'no breaker has opened');
    unlike($text, qr/Nothing needs attention/, 'which needs attention');

    # day, night, phone
    my $least = $page->evaluate($contrast);
    cmp_ok($least->[0], '>=', 4.5, 'all text has contrast')
        or diag($least->[1]);
    $page->look(width => 320);
    $page->wait_for('nothing is cut off',
                    'document.documentElement.scrollWidth <= 320');

    was_good($page);
    ended_well();
};


subtest 'what else needs attention, and when nothing does' => sub {
    start(stats => '{}', history => '{"samples":[]}');

    my %closed = (state => 'closed', forced => $no, since => undef,
                  opened => 0, transitions => 0, retryAfter => 0);
    my $page = $browser->page;
    my $error = sub {
        my ($error, $status) = @_;
        return { failing => $yes, breaker => \%closed,
                 lastError => { time => at(-5), error => $error,
                                $status ? (status => $status) : () } };
    };

    pretend({ breaker => \%closed });
    $page->visit("$base/ops/cache/");
    $page->wait_for('a server that says nothing of errors',
                    "$attention === 'Nothing needs attention.'");
    is($page->evaluate(q{document.querySelector('#errors').hidden}), $yes,
       'there are none');

    for my $case (
        [$error->('Source up answered with status 402', 402),
         'wants to be paid'],
        [$error->('Source up redirected with status 301', 301), 'has moved'],
        [$error->('Source up answered with status 429', 429),
         'Ask less often'],
        [$error->('Source up answered with status 400', 400),
         'look at the URI'],
        [$error->('Source up answered with status 503', 503),
         'trouble of its own'],
        [$error->('nginx itself answered 301 in location /f/, the provider'
                  . ' was not asked'), 'rules of the fetch location'],
        [$error->('Source up did not answer in time'), 'can be reached'])
    {
        pretend($case->[0]);
        $page->wait_for("what helps: $case->[1]",
                        "$attention.includes('$case->[1]')");
    }

    for my $case (
        ['stale answers', 'Most answers of the last minute were stale',
         staleAnswersAlert => $yes],
        ['symbols', 'Symbols that cannot be served: XLK, XLF.',
         unservableSymbols => ['XLK', 'XLF']],
        ['the hit rate', 'hit rate is below', hitRateAlert => $yes],
        ['the cache', 'The cache is off', enabled => $no])
    {
        my ($what, $words, @rest) = @$case;
        pretend({ breaker => \%closed }, @rest);
        $page->wait_for($what, "$attention.includes('$words')");
        unlike($page->evaluate($attention), qr/Nothing needs/, 'needs it');
    }

    pretend({ breaker => \%closed, lastError => {
                  time => at(-600), error => 'Source broken failed' },
              failing => $no, failuresInRow => 0, lastSuccess => at(-3),
              staleUntil => undef, openedBecause => undef });
    $page->wait_for('an error that is over',
                    "$attention === 'Nothing needs attention.'");
    like($page->evaluate(q{document.querySelector('#errors').innerText}),
         qr/^broken: last error at .*; last success at \d\d:\d\d$/,
         'is still told below');

    was_good($page);
    ended_well();
    $page->wait_for('without the server nothing is known of it',
                    "$attention.includes('is not known now')");
};


subtest 'tiles say what is true' => sub {
    start(stats => '{}', history => '{"samples":[]}');

    my @bounds = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
                  30_000, '+Inf');
    my $times = sub {
        my ($count, $sum) = @_;
        return { count => $count, sumMs => $sum,
                 buckets => { map { $_ => $count } @bounds } };
    };
    my %counts = map { $_ => 0 } qw(totalRequests hits misses stale updating
                                    bypassed disabled negative);
    my $source = sub {
        return { upstreamTime => $times->($_[0], $_[1]),
                 waitTime => $times->($_[0], $_[2]), waiting => $_[3] || 0 };
    };
    my $page = $browser->page;

    pretend($source->(40, 0, 0), %counts, totalRequests => 200, hits => 150,
            misses => 50);
    $page->visit("$base/ops/cache/");
    $page->wait_for('calls without a duration',
                    tile('latency', 'value') . " === '0 ms'");
    like($page->evaluate(tile('latency', 'below')), qr/^p95 0 ms, 40 calls$/,
         'have a p95 without one');
    is($page->evaluate(tile('wait', 'value')), '0 ms', 'no wait');
    is($page->evaluate(tile('wait', 'below')), 'nobody waited, 0 in flight',
       'as nobody waited');
    is($page->evaluate(cell('sources', 'broken', 'Median')), '0 ms',
       'in the table');
    is($page->evaluate(tile('stale', 'below')), 'of 200', 'none was stale');

    pretend($source->(40, 0, 0, 3), %counts, totalRequests => 1280,
            hits => 150, misses => 50, stale => 1080);
    $page->wait_for('stale answers are no silence', tile('hitRate', 'below')
        . " === 'last minute: no hit or miss, but 1,080 stale'");
    is($page->evaluate(tile('hitRate', 'scope')), 'since start',
       'the hit rate is of before');
    is($page->evaluate(tile('stale', 'value')), '1,080', 'stale answers');
    is($page->evaluate(tile('stale', 'below')), 'of 1,080, 1,080 since start',
       'of as many');
    is($page->evaluate(tile('wait', 'below')), '3 waiting, 0 in flight',
       'who waits still is counted');

    pretend($source->(41, 4, 4), %counts, totalRequests => 30,
            updating => 30);
    $page->wait_for('a new process, which refreshes',
        tile('hitRate', 'below') . " === 'no hit or miss, but 30 being"
        . " refreshed'");
    is($page->evaluate(tile('stale', 'value')), '0', 'none of it is stale');
    is($page->evaluate(tile('stale', 'below')),
       'but 30 while being refreshed', 'in words');
    is($page->evaluate(tile('wait', 'below')), '0 waiting, 0 in flight',
       'one has waited');

    is($page->evaluate(<<'JS'), '[0,0,4,4,0.5,null]', 'percentiles');
        import('./assets/samples.js').then(({ quantile }) => {
            const of = (sumMs, ...counts) => ({
                count: counts.reduce((a, b) => a + b), sumMs,
                buckets: Object.fromEntries([5, 10, 25].map((bound, i) =>
                    [bound, counts.slice(0, i + 1).reduce((a, b) => a + b)]))
            });

            return JSON.stringify([
                quantile(of(0, 9, 0, 0), .5), quantile(of(0, 9, 0, 0), .95),
                quantile(of(4, 1, 0, 0), .5), quantile(of(4, 1, 0, 0), .95),
                quantile(of(1, 2, 0, 0), .5), quantile(of(0, 0, 0, 0), .5)
            ]);
        })
JS

    was_good($page);
    ended_well();
};


subtest 'without the server it says so, and keeps its numbers' => sub {
    start();
    get('/api/XLK') for 1 .. 3;

    my $page = $browser->page;
    $page->visit("$base/ops/cache/");
    $page->wait_for('it is live', "$connection === 'Live'");
    is($page->evaluate(tile('rate', 'below')), '3 since start', 'a number');
    my $colour = 'getComputedStyle(document.querySelector(".value")).color';
    my $before = $page->evaluate($colour);

    ended_well();

    $page->wait_for('it says so',
                    "$connection.startsWith('Cannot reach the server')");
    is($page->evaluate(tile('rate', 'below')), '3 since start',
       'the number stays');
    isnt($page->evaluate($colour), $before, 'in grey');
    $page->wait_for('with its age',
                    q{/numbers are \d+ s old/.test(document.querySelector
                      ('#age').innerText)});
    is($page->evaluate(q{document.querySelector('#connection')
                         .getAttribute('role')}), 'status',
       'which a screen reader tells');
    picture($page, 'lost');

    # the same port again
    my $port = $nginx->{port};
    no warnings 'redefine';
    local *Upstream::Nginx::free_port = sub { return $port };
    start();
    $page->wait_for('it is live again', "$connection === 'Live'");
    $page->wait_for('with the new numbers', tile('rate', 'below')
                                            . " === '0 since start'");
    ended_well();
};


subtest 'it rests while nobody looks' => sub {
    start();

    my $page = $browser->page;
    my $asked = sub {
        return scalar grep { $_->{request}{url} =~ m{/stats$} }
                      $page->events('Network.requestWillBeSent');
    };

    $page->visit("$base/ops/cache/");
    $page->wait_for('it is live', "$connection === 'Live'");

    $page->press('Tab', 9);
    is($page->evaluate('document.activeElement.className'), 'skip',
       'the first key leads past the head');
    isnt($page->evaluate('getComputedStyle(document.activeElement)
                          .outlineStyle'), 'none', 'which can be seen');
    $page->press('Tab', 9);
    is($page->evaluate('document.activeElement.id'), 'pause',
       'the second to the button');
    isnt($page->evaluate('getComputedStyle(document.activeElement)
                          .outlineStyle'), 'none', 'which can be seen');
    $page->press('Enter', 13);
    $page->wait_for('it pauses', "$connection === 'Paused'");
    is($page->evaluate('document.activeElement.getAttribute("aria-pressed")'),
       'true', 'and the button says so');

    my $before = $asked->();
    sleep 2.5;
    is($asked->(), $before, 'nothing is asked');
    $page->press(' ', 32);
    $page->wait_for('it goes on', "$connection === 'Live'");
    wait_for('it asks again', sub { $asked->() > $before });

    # as a browser says that the page is out of view
    my $hide = sub {
        $page->evaluate("Object.defineProperty(document, 'hidden',"
                        . " { value: $_[0], configurable: true });"
                        . " document.dispatchEvent("
                        . "new Event('visibilitychange'))");
    };
    $hide->('true');
    is($page->evaluate($connection), 'Paused', 'it pauses out of view');
    sleep 0.3;
    $before = $asked->();
    sleep 2.5;
    is($asked->(), $before, 'nothing is asked');
    $hide->('false');
    wait_for('it asks again', sub { $asked->() > $before });
    pass('it goes on in view');

    ended_well();
};


subtest 'the last day' => sub {
    my $now = time;
    my @samples = map {
        my $time = strftime('%Y-%m-%dT%H:%M:00Z', gmtime $now - 60 * $_);
        qq({"time":"$time","requests":120,"hits":90,"misses":30,"stale":6,)
        . q("fetches":30,"failures":2,"upstreamMs":40});
    } grep { $_ < 600 || $_ > 660 } reverse 1 .. 1439;

    start(history => '{"samples":[' . join(',', @samples) . ']}',
          entries => '{"entries":[{"key":"XLK","state":"stale","size":100,'
                     . '"age":4000,"ttl":0,"hits":3},{"key":"XLF","state":'
                     . '"fresh","size":100,"age":4,"ttl":9,"hits":1},{"key":'
                     . '"M&AMP;^=_.NS","state":"stale","size":100,'
                     . '"age":4000,"ttl":0,"hits":3}],'
                     . '"next":null}');

    get('/api/XLK');

    my $page = $browser->page(width => 1200, height => 1400);
    $page->visit("$base/ops/cache/");
    $page->wait_for('three charts', q{document.querySelectorAll('.plot canvas')
                                    .length === 3});
    like($page->evaluate(q{document.querySelector('[data-name=requests]')
                           .innerText}), qr/all\s*2\.0/,
         'requests per second');
    like($page->evaluate(q{document.querySelector('[data-name=hits]')
                           .innerText}), qr/hit rate\s*75\.0 %/, 'the hit rate');
    like($page->evaluate(q{document.querySelector('[data-name=upstream]')
                           .innerText}), qr/mean\s*40 ms/,
         'the time of the upstream');

    # past the minute that is not over, and those that began meanwhile
    $page->evaluate(q{document.querySelector('.plot').focus()});
    $page->press('ArrowLeft', 37) for 1 .. 5;
    like($page->evaluate(q{document.querySelector('[data-name=requests]')
                           .querySelector('[role=status]').innerText}),
         qr/^\d\d:\d\d: all 2\.0, stale 0\.1$/, 'the arrow keys read a chart');

    $page->evaluate(q{document.querySelector('summary').focus()});
    $page->press('Enter', 13);
    $page->wait_for('the hours are a table', q{document.querySelector
                                               ('#hours-table td')
                                               .checkVisibility()});
    like($page->evaluate(q{document.querySelector('#hours-table tbody')
                           .innerText}), qr/7,200\s+2\.0\s+75\.0 %\s+360\s+1,800\s+120\s+40 ms/,
         'of sums');

    $page->wait_for('what is stale', q{document.querySelector('#old-entries')
                                       .innerText.includes('XLK')});
    unlike($page->evaluate(q{document.querySelector('#old-entries')
                             .innerText}), qr/XLF/, 'and nothing fresh');
    like($page->evaluate(q{document.querySelector('#old-entries')
                           .innerText}), qr/M&AMP;\^=_\.NS/, 'as it is');

    was_good($page);
    ended_well();
};


# The channels' sum, 0 to 765, of an element's property.
sub light {
    my ($page, $selector, $property) = @_;
    my $colour = $page->evaluate("getComputedStyle(document.querySelector("
                                 . "'$selector')).$property");
    my $sum = 0;

    $sum += $_ for ($colour =~ /\d+/g)[0 .. 2];

    return $sum;
}


subtest 'by day, by night, on a phone' => sub {
    start(history => '{"samples":[]}', entries => '{"entries":[],"next":null}');
    get("/api/$_") for qw(XLK XLF XLK);
    get('/broken/BAD');

    my $page = $browser->page;
    $page->visit("$base/ops/cache/");
    $page->wait_for('it is live', "$connection === 'Live'");

    for my $dark (0, 1) {
        my $name = $dark ? 'dark' : 'light';

        $page->look(dark => $dark);
        my ($back, $text) = (light($page, 'body', 'backgroundColor'),
                             light($page, 'body', 'color'));

        if ($dark) {
            cmp_ok($back, '<', 150, 'dark: a dark background');
            cmp_ok($text, '>', 600, 'dark: light text');
        } else {
            cmp_ok($back, '>', 600, 'light: a light background');
            cmp_ok($text, '<', 150, 'light: dark text');
        }

        my $least = $page->evaluate($contrast);
        cmp_ok($least->[0], '>=', 4.5, "$name: all text has contrast")
            or diag($least->[1]);
        picture($page, $name);
    }

    for my $width (320, 360, 768, 1000, 1920) {
        $page->look(width => $width);
        $page->wait_for("$width pixels: nothing is cut off",
                        "document.documentElement.scrollWidth <= $width");
        picture($page, $width);
    }

    is($page->evaluate(q{[...document.querySelectorAll('main table')]
                         .filter(t => !t.querySelector('thead th[scope=col]'))
                         .length}), 0, 'every table has headers');
    is($page->evaluate('document.documentElement.lang'), 'en',
       'the page has a language');

    was_good($page);
    ended_well();
};


done_testing();
