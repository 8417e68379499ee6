# sectorctl, end to end: each command against nginx with the module, what it
# exits with, and what it makes of servers that are none.
#
# Scripts depend on the exit codes, so each has its test; and a key must never
# reach anybody but the admin location.

use strict;
use warnings;

use lib 't/lib';
use Ending ();
use Cwd ();
use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use IPC::Open3 qw(open3);
use Symbol qw(gensym);
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get wait_for scaled);

my $ctl = $ENV{SECTORCTL} || 'build/sectorctl';

die("there is no $ctl: make sectorctl-test\n") unless -x $ctl;

delete @ENV{grep { /^SECTORCTL_|_proxy$|^SSL_CERT|^NO_COLOR$/i } keys %ENV};
$ENV{LC_ALL} = 'C.UTF-8';
$ENV{TERM} = 'xterm';

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $dir = File::Temp::tempdir(CLEANUP => 1);
my @symbols = qw(XLK XLV XLF XLY XLC XLI XLP XLE XLU XLRE XLB SPY);
my $number = 0;
my ($nginx, $key);


# script runs its command by this shell, bash or dash or what a user has.
$ENV{SHELL} = '/bin/sh';

# A container may have no pseudo-terminals.
my $terminals = system(qw(script -qec true /dev/null)) == 0
    || diag('there are no pseudo-terminals: what needs one is skipped') && 0;


sub file {
    my ($name, $text, $mode) = @_;

    open my $out, '>', "$dir/$name" or die $!;
    print $out $text;
    close $out or die $!;
    chmod $mode || 0600, "$dir/$name";

    return "$dir/$name";
}


# The reference configuration's prefixes; script is the upstream's.
sub start {
    my ($script, $source, $more, $api) = @_;
    my $keys = file('keys', "# keys\n\nsecret-1\nsecret-2\n");

    $key = '/c' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => 2, http => <<"END");
sector_cache_zone sectors   1m ttl=10m stale=1h;
sector_cache_zone snapshots 1m ttl=10m;
sector_cache_source up retries=0 @{[$source || '']};
@{[$more || '']}
server {
    listen %PORT%;
    %PID%
    location /api/v1/sectors {
        sector_cache_api;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
        @{[$api || '']}
    }
    location /fetch/ {
        internal;
        proxy_pass http://$up/$script$key;
    }
    location /sector-cache {
        sector_cache_status;
    }
    location /sector-cache/admin {
        sector_cache_admin;
        sector_cache_admin_key_file $keys;
    }
    location /closed { deny all; }
    location /moved { return 301 http://127.0.0.1:1/; }
}
END
    $ENV{SECTORCTL_URL} = "http://127.0.0.1:$nginx->{port}";
    $ENV{SECTORCTL_KEY} = 'secret-2';
}


sub ended_well {
    my (@expected) = @_;

    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(@expected), '', 'and without trouble');
}


# Runs it: ( exit code, stdout, stderr ).  An array first is its input.
sub run {
    my $input = ref $_[0] ? shift->[0] : '';
    my $err = File::Temp->new;
    my $pid = open3(my $to, my $from, '>&' . fileno $err, $ctl, @_);

    local $SIG{PIPE} = 'IGNORE';
    print $to $input;
    close $to;

    my $out = do { local $/; <$from> };
    waitpid $pid, 0;
    my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;

    seek $err, 0, 0;
    my $text = do { local $/; <$err> };

    return ($status, defined $out ? $out : '', defined $text ? $text : '');
}


# It fails as it should, with one line on stderr.
sub fails {
    my ($code, $pattern, @arguments) = @_;
    my ($status, $out, $err) = run(@arguments);
    my @shown = map { ref $_ ? '<' : $_ } @arguments;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($status, $code, "@shown: exits with $code");
    like($err, qr/\Asectorctl: [^\n]*$pattern[^\n]*\n\z/,
         "@shown: one line says why");
}


sub succeeds {
    my ($pattern, @arguments) = @_;
    my ($status, $out, $err) = run(@arguments);
    my @shown = map { ref $_ ? '<' : $_ } @arguments;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is("$status $err", '0 ', "@shown: exits with 0, says nothing on stderr");
    like($out, $pattern, "@shown: its output") if $pattern;

    return $out;
}


# Runs it on a terminal of its own; script(1) gives it one.
sub on_terminal {
    my ($command) = @_;

    my $out = `script -qec '$command' /dev/null </dev/null 2>&1`;

    return ($? >> 8, $out);
}


# Serves one canned answer to each connection, as long as it lives.
sub fake {
    my ($answer) = @_;
    my $listener = IO::Socket::INET->new(Listen => 8,
                                         LocalAddr => '127.0.0.1') or die $!;
    my $got = "$dir/fake";
    unlink $got;
    my $pid = Ending::beside(sub {
        until (Ending::left()) {
            my $socket = came($listener, 0.5) && $listener->accept or next;
            my $in = '';
            1 while $in !~ /\015\012\015\012/
                    && sysread $socket, $in, 65536, length $in;
            open my $out, '>>', $got;
            print $out $in;
            close $out;
            if ($answer eq 'hang') {
                sysread $socket, $in, 1;
            } else {
                syswrite $socket, $answer;
            }
            close $socket;
        }
    });

    return { pid => $pid, url => 'http://127.0.0.1:' . $listener->sockport,
             got => sub { open my $in, '<', $got or return '';
                          local $/; scalar <$in> } };
}


# Whether a connection comes in so many seconds.
sub came {
    my ($listener, $seconds) = @_;

    return IO::Select->new($listener)->can_read($seconds);
}


sub stop { Ending::gone($_[0]{pid}, 'KILL') }


sub http {
    my ($status, $body, @headers) = @_;

    return join "\015\012", "HTTP/1.1 $status X", 'Connection: close',
                'Content-Length: ' . length $body, @headers, '', $body;
}


subtest 'usage errors ask no server' => sub {
    local $ENV{SECTORCTL_URL} = 'http://127.0.0.1:1';

    fails(2, 'no command');
    fails(2, 'no command "nothing"', 'nothing');
    fails(2, 'too few arguments', 'get');
    fails(2, 'too many arguments', 'status', 'XLK');
    fails(2, 'invalid symbol "\.\."', 'get', '..');
    fails(2, 'invalid symbol "XLK/XLF"', 'get', 'XLK/XLF');
    fails(2, 'allowed: 1 to 32 of A-Z 0-9 \. - \^ = & _', 'warm', 'XLK', 'A' x 33);
    fails(2, 'invalid symbol "A\+B"', 'explain', 'A+B');
    fails(2, 'an option that the command does not have', 'get', 'XLK',
          '--ttl=1m');
    fails(2, 'unrecognized option', 'status', '--nothing');
    fails(2, 'allowed: 1 to 64', 'warm', '--parallel=0');
    fails(2, 'allowed: 1 to 64', 'warm', '--parallel=4x');
    fails(2, 'invalid --timeout', 'status', "--timeout=$_")
        for '0', '-1', '1e9', 'x', '2d';
    fails(2, 'wants namespaces or symbols, or --all', 'clear');
    fails(2, 'wants namespaces or symbols, or --all', 'clear', 'XLK', '--all');
    fails(2, 'allowed: open, closed, auto', 'breaker', 'up', 'ajar');
    fails(2, 'invalid address in --url', 'status', '--url=127.0.0.1:8080');
    fails(2, 'invalid address in --url', 'status', '--url=file:///etc/passwd');
    fails(2, 'invalid address in --api-url', 'status', '--api-url=nowhere');
    fails(2, 'top needs a terminal', 'top');

    my ($status, $out, $err) = run('enable', '--key=secret-2');
    is($status, 2, '--key is refused');
    like($err, qr/^sectorctl: no key is taken from the command line/, 'why');
    unlike($err, qr/secret/, 'and not repeated');
};


subtest 'help, version and the manual' => sub {
    my $help = succeeds(qr/^usage: sectorctl COMMAND/, 'help');

    is(succeeds(undef, '--help'), $help, '--help is the same');
    succeeds(qr/\Ausage: sectorctl clear NAMESPACE.*key/s, 'help', 'clear');
    succeeds(qr/\Ausage: sectorctl status\n/, 'help', 'status');
    fails(2, 'no command "nothing"', 'help', 'nothing');
    succeeds(qr/\Asectorctl \d+\.\d+\.\d+\n\z/, '--version');

    open my $in, '<', 'sectorctl/sectorctl.1' or die $!;
    my $manual = do { local $/; <$in> };
    open $in, '<', 'sectorctl/sectorctl.bash' or die $!;
    my $completion = do { local $/; <$in> };

    SKIP: {
        skip('there is no mandoc', 1) if system('mandoc -V >/dev/null 2>&1')
                                         == 127 << 8;
        is(`mandoc -Tlint -Wwarning sectorctl/sectorctl.1`, '',
           'the manual is well-formed');
    }

    for my $name ($help =~ /^  ([a-z][a-z-]*) /mg) {
        like($manual, qr/^\.?(?:It )?Cm $name\b/m, "the manual has $name");
        like($completion, qr/\b$name\b/, "the completion has $name");
    }

    for my $name ($help =~ /(?<!-)--([a-z-]+)/g) {
        like($manual, qr/Fl -$name\b/, "the manual has --$name");
        like($completion, qr/--$name\b/, "the completion has --$name");
    }
};


subtest 'it reads' => sub {
    start('ok');

    succeeds(qr/^symbol +XLK\nprice +101\n.*^cache: miss, source up, age 0 s/ms,
             'get', 'xlk');
    succeeds(qr/^XLK .* 101\b.*\n^XLF .* 101\b/m, 'get', 'XLK', 'XLF');

    my $json = succeeds(qr/\A\{"success":true,.*\}\n\z/, '--json', 'get',
                        'XLK');
    is(JSON::PP::decode_json($json)->{data}{price}, 101, '--json is JSON');

    my $snapshot = succeeds(qr/^available 11 of 11, /m, 'snapshot');
    like($snapshot, qr/^$_ /m, "it has $_") for @symbols;

    succeeds(qr/^health    healthy\n.*^sectors +12 .*^up +closed /ms,
             'status');
    is_deeply([sort keys %{ JSON::PP::decode_json(
                    succeeds(undef, 'status', '--json'))->{namespaces} }],
              [qw(sectors snapshots)], 'status --json is /stats');

    my $once = succeeds(qr/^sectors +12 /m, 'top', '--once');
    unlike($once, qr/\033/, 'top --once has no escapes');

    succeeds(qr/^state +closed$/m, 'breaker', 'up');
    succeeds(qr/\A\{"state":"closed",.*\}\n\z/, 'breaker', 'up', '--json');
    fails(1, 'no source "down"', 'breaker', 'down');

    fails(1, 'Symbol NONE is not configured \(404 UNKNOWN_SYMBOL\)',
          'get', 'NONE');

    my ($status, $out, $err) = run('get', 'XLK', 'NONE');
    is($status, 1, 'a batch that lacks one is no success');
    like($out, qr/^XLK /m, 'what there is is printed');
    like($err, qr/\Asectorctl: NONE: .*UNKNOWN_SYMBOL\)\n\z/, 'what lacks too');

    ($status, $out, $err) = run('get', 'NONE', '--json');
    is($status, 1, 'an error with --json');
    is(JSON::PP::decode_json($out)->{error_code}, 'UNKNOWN_SYMBOL',
       'is printed as it is');

    ended_well();
};


subtest 'symbols with signs, long ones, and those that endpoints are named as'
    => sub
{
    my @long = map { "0123456789ABCDEF^=&_-.012345678$_" } 0, 1;

    start('ok', '', '', "sector_cache_symbols { M&M.NS Mahindra;"
                    . " HEALTH Health; @{[ map { qq($_ Long; ) } @long ]} }");

    succeeds(qr/^symbol +M&M\.NS\nprice +101$/m, 'get', 'm&m.ns');
    succeeds(qr/^symbol +HEALTH\nprice +101$/m, 'get', 'health');

    my $many = succeeds(qr/^M&M\.NS .* 101\b/m, 'get', 'm&m.ns', @long);
    like($many, qr/^\Q$_\E +- +101\b/m, "$_ as a whole") for @long;
    like($many, qr/^SYMBOL {28}NAME/m, 'below its title');
    like(succeeds(undef, 'snapshot'), qr/^\Q$long[1]\E +- +101\b/m,
         'so there');

    succeeds(qr/^symbol +M&M\.NS$/m, 'explain', 'm&m.ns');
    succeeds(undef, ['{"symbol":"M&M.NS","price":7}'], 'set', 'm&m.ns');
    is(get('/api/v1/sectors/M&M.NS')->{json}{data}{price}, 7, 'it is stored');
    succeeds(qr/\Asymbol M&M\.NS: 1 removed\nsymbol \Q$long[0]\E: 1 removed$/m,
             'clear', 'M&M.NS', $long[0]);
    succeeds(undef, 'clear', '--all');
    succeeds(undef, 'warm', 'health', $long[1]);
    is(get("/api/v1/sectors/$_")->{cache}, 'hit', "$_ is warm")
        for 'HEALTH', $long[1];
    succeeds(undef, 'warm');
    is(get('/api/v1/sectors/M&M.NS')->{cache}, 'hit', 'all are');
    ended_well();
};


subtest 'entries, refresh and history' => sub {
    start('ok', '', 'sector_cache_zone metrics 1m ttl=1h;');
    run('warm', 'XLK', 'XLF', 'SPY');

    succeeds(qr/\AKEY .* TTL +HITS\nSPY +fresh .*\nXLF .*\nXLK .*\n\z/,
             'entries');
    succeeds(qr/\AKEY [^\n]*\nXLF [^\n]*\nXLK [^\n]*\n\z/, 'entries', 'sectors',
             '--prefix=XL');
    succeeds(qr/\AKEY [^\n]*\n\z/, 'entries', 'snapshots');
    my $json = succeeds(undef, 'entries', '--json', '--prefix=S');
    is(JSON::PP::decode_json($json)->{entries}[0]{key}, 'SPY', 'with --json');
    fails(1, '\(404 ', 'entries', 'no_such_namespace');

    succeeds(qr/\ASYMBOL .*\nXLK +ok +yes +600\n\z/, 'refresh', 'xlk');
    is($upstream->calls("${key}XLK"), 2, 'it was fetched, fresh or not');
    succeeds(qr/^XLU +ok .*^SPY +ok /ms, 'refresh');
    is($upstream->calls($key), 16, 'all of them');

    my ($status, $out) = run('refresh', 'XLK', '--json');
    is(JSON::PP::decode_json($out)->{data}{XLK}{status}, 'ok', 'with --json');

    {
        local $ENV{SECTORCTL_KEY} = '';
        fails(4, 'no key was given', 'refresh', 'XLK');
    }

    succeeds(qr/\ATIME +REQUESTS .*MEAN MS\n[^\n]*\d{4}-\d\d-\d\d.*\n\z/s,
             'history', '--minutes=5');
    ok(JSON::PP::decode_json(succeeds(undef, 'history', '--json'))->{current},
       'with --json');
    fails(2, 'allowed: 1 to 1440', 'history', "--minutes=$_")
        for 0, 1441, 'x';
    ended_well();
};


subtest 'a refresh that fails' => sub {
    start('status:500');
    my ($status, $out, $err) = run('refresh', 'XLK', 'XLF');
    is($status, 1, 'is no success');
    like($err, qr/\Asectorctl: .*UPSTREAM_ERROR\)\n/, 'and why');
    ended_well();
};


subtest 'proxies' => sub {
    my $proxy = fake(http(200, '{"success":true,"data":{"proxied":true}}'));
    local @ENV{qw(http_proxy all_proxy SECTORCTL_KEY)}
        = ($proxy->{url}, $proxy->{url}, 'secret-2');
    local $ENV{SECTORCTL_URL};

    # this machine, however it is called: nobody is there
    for my $host ('127.0.0.1', '127.7.7.7', '[::1]', 'localhost',
                  'LOCALHOST.', 'cache.localhost', '127.1',
                  '[::ffff:127.0.0.1]')
    {
        $ENV{SECTORCTL_URL} = "http://$host:1";

        for my $command ([qw(get XLK)], [qw(status)], [qw(enable)],
                         ['enable', "--proxy=$proxy->{url}"])
        {
            my ($status) = run(@$command, '--timeout=5s');
            is($status, 3, "$host is asked itself: @$command");
        }
    }

    is($proxy->{got}->(), '', 'the proxy saw nothing of it');

    # another one; the name is no machine's (RFC 6761)
    $ENV{SECTORCTL_URL} = 'http://cache.invalid';
    my ($status) = run('enable', '--timeout=5s');
    is($status, 3, 'the key goes to no proxy of the environment');
    is($proxy->{got}->(), '', 'which sees nothing');

    run('explain', 'XLK');
    like($proxy->{got}->(), qr{^GET http://cache\.invalid/}, 'others do');
    unlike($proxy->{got}->(), qr/secret/, 'without the key');

    succeeds(undef, 'enable', "--proxy=$proxy->{url}");
    like($proxy->{got}->(), qr/^X-API-Key: secret-2\r$/m,
         'one that was named has it');
    stop($proxy);
};


subtest 'a dumb terminal' => sub {
    plan skip_all => 'no pseudo-terminal' unless $terminals;
    start('ok');
    for my $term ('dumb', '') {
        my ($status, $out) = on_terminal("TERM=$term $ctl top");
        is($status, 2, "top needs another than \"$term\"");
        unlike($out, qr/\033/, 'and sends no escapes');
    }
    ended_well();
};


subtest 'completion' => sub {
    start('ok');
    my $complete = sub {
        my (@words) = @_;
        my $path = Cwd::abs_path($ctl);
        my $script = "sectorctl() { $path \"\$\@\"; }\n"
            . ". sectorctl/sectorctl.bash\nCOMP_WORDS=(@words '')\n"
            . "COMP_CWORD=" . @words . "\n_sectorctl\n"
            . 'printf "%s\n" "${COMPREPLY[@]}"';
        open my $in, '-|', 'bash', '-c', $script or die $!;
        return join ' ', sort map { chomp; $_ } <$in>;
    };
    my $all = join ' ', sort @symbols;

    is($complete->('sectorctl', 'clear'),
       join(' ', sort @symbols, qw(sectors snapshots)),
       'clear: symbols and namespaces');
    is($complete->('sectorctl', 'breaker'), 'up', 'breaker: sources');
    is($complete->('sectorctl', 'entries'), 'sectors snapshots',
       'entries: namespaces');
    is($complete->('sectorctl', 'refresh'), $all, 'refresh: symbols');
    like($complete->('sectorctl', 'help'), qr/^breaker clear /,
         'help: commands');
    ended_well();
};


subtest 'explain' => sub {
    start('ok');
    run('get', 'XLK');
    succeeds(qr/XLK/, 'explain', 'xlk');
    is(JSON::PP::decode_json(succeeds(undef, 'explain', 'XLK',
                                      '--json'))->{symbol},
       'XLK', 'with --json');
    ended_well();
};


subtest 'warm makes one call for each symbol' => sub {
    start('slow:20');

    my $out = succeeds(qr/\Awarmed 12 of 12 in \d+\.\d s, 12 fetched\n\z/,
                       'warm', '--parallel=5');
    is($upstream->calls($key), 12, 'one for each');
    is($upstream->calls("$key$_"), 1, "one of $_") for @symbols;
    unlike($out, qr/[\r\033]/, 'no bar without a terminal');

    succeeds(qr/\Awarmed 12 of 12 in \d+\.\d s, 12 fresh already\n\z/, 'warm');
    succeeds(qr/\Awarmed 2 of 2 /, 'warm', 'XLK', 'xlf', 'xlk');
    is($upstream->calls($key), 12, 'what is fresh is not fetched');

    my @lines = split /\n/, succeeds(undef, 'warm', '--json');
    is(scalar(grep { JSON::PP::decode_json($_)->{success} } @lines), 12,
       'with --json an answer a line');

    fails(1, 'NONE: Symbol NONE is not configured', 'warm', 'XLK', 'NONE');
    ended_well();
};


subtest 'warm draws a bar on a terminal' => sub {
    plan skip_all => 'no pseudo-terminal' unless $terminals;
    start('slow:20');

    my ($status, $out) = on_terminal("$ctl warm --parallel=1");
    is($status, 0, 'it succeeds');
    is(scalar(() = $out =~ /\rwarm \[/g), 13, 'the bar is drawn 13 times');
    like($out, qr/\rwarm \[> +\] 0\/12\rwarm \[=+> +\] 1\/12/, 'it begins');
    like($out, qr/\rwarm \[=+\] 12\/12\r\033\[Kwarmed 12 of 12 /, 'it ends');
    is($upstream->calls($key), 12, 'one call for each symbol');

    ($status, $out) = on_terminal("TERM=dumb $ctl warm");
    like($out, qr/\Awarmed 12 of 12 /, 'no bar on a dumb one');
    ended_well();
};


subtest 'warm says what could not be had' => sub {
    start('status:500');

    my ($status, $out, $err) = run('warm', 'XLK', 'XLF');
    is($status, 1, 'it exits with 1');
    like($out, qr/\Awarmed 0 of 2 in \d+\.\d s, 2 failed\n\z/, 'the summary');
    like($err, qr/\Asectorctl: XLK: .*UPSTREAM_ERROR\)\nsectorctl: XLF: /,
         'a line for each');
    ended_well();
};


subtest 'it writes' => sub {
    start('ok');

    my $sector = '{"symbol":"XLK","price":7.25}';

    my $since = time;

    succeeds(qr/\AXLK: stored\n\z/, [$sector], 'set', 'XLK', '--ttl=20s');
    my $got = get('/api/v1/sectors/XLK')->{json};
    is($got->{data}{price}, 7.25, 'it is served');
    cmp_ok($got->{metadata}{ttl}, '<=', 20, 'with its ttl');
    cmp_ok($got->{metadata}{ttl}, '>=', 20 - (time - $since) - 2,
           'of which no more is gone than time');
    is($upstream->calls($key), 0, 'and was not fetched');

    succeeds(undef, 'set', 'XLF',
             file('xlf.json', '{"symbol":"XLF","price":8}'));
    is(get('/api/v1/sectors/XLF')->{json}{data}{price}, 8, 'from a file');
    succeeds(undef, [$sector =~ s/7/9/r], 'set', 'XLK', '-');

    fails(1, '\(400 INVALID_JSON\)', ['{"symbol":'], 'set', 'XLK');
    fails(1, '\(400 ', [$sector], 'set', 'XLK', '--ttl=never');
    fails(7, 'No such file', 'set', 'XLK', "$dir/none.json");

    succeeds(qr/\Asymbol XLK: 1 removed\n\z/, 'clear', 'XLK');
    for my $nothing (['symbol XLK', 'XLK'], ['namespace snapshots', 'snapshots']) {
        my ($status, $out, $err) = run('clear', $nothing->[1]);
        is("$status $out", "1 $nothing->[0]: 0 removed\n", 'nothing there');
        is($err, "sectorctl: $nothing->[0]: nothing was there to remove\n",
           'is said');
    }

    run('clear', '--all');
    succeeds(qr/\Aall: 0 removed\n\z/, 'clear', '--all');
    run('set', 'XLF', "$dir/xlf.json");
    is(get('/api/v1/sectors/XLK')->{json}{data}{price}, 101, 'it is gone');
    run('warm', 'SPY');
    succeeds(qr/\Asymbol SPY: 1 removed\nnamespace sectors: 2 removed\n\z/,
             'clear', 'SPY', 'sectors');
    run('warm', 'XLK', 'XLF', 'XLE');
    succeeds(qr/\Aall: 3 removed\n\z/, 'clear', '--all');
    fails(1, '\(4\d\d ', 'clear', 'no/such');

    succeeds(qr/\Acaches: disabled\n\z/, 'disable');
    is(get('/api/v1/sectors/XLK')->{cache}, 'disabled', 'they are');
    fails(1, 'XLK: was fetched and not kept: the cache is off', 'warm', 'XLK');
    succeeds(qr/^cache +off/m, 'status');
    succeeds(qr/\Acaches: enabled\n\z/, 'enable');
    is(get('/api/v1/sectors/XLK')->{cache}, 'miss', 'they are again');
    succeeds(qr/"enabled":true/, 'enable', '--json');

    succeeds(qr/^state +open$/m, 'breaker', 'up', 'open');
    fails(1, 'SECTOR_API_CIRCUIT_OPEN', 'get', 'XLU');
    succeeds(qr/^state +open$/m, 'breaker', 'up');
    succeeds(qr/^state +closed$/m, 'breaker', 'up', 'auto');
    succeeds(undef, 'get', 'XLU');
    fails(1, '\(404 ', 'breaker', 'down', 'open');
    ended_well();
};


subtest 'the key' => sub {
    start('ok');

    my $file = file('key', "\n# mine\n  secret-1 \r\nother\n");

    {
        local $ENV{SECTORCTL_KEY} = 'wrong';
        fails(4, 'refuses this: .*\(401\), a key was sent', 'enable');
        succeeds(undef, 'enable', "--key-file=$file");
        succeeds(undef, 'get', 'XLK');
    }

    local $ENV{SECTORCTL_KEY};
    delete $ENV{SECTORCTL_KEY};
    fails(4, 'no key was given', 'enable');

    {
        local $ENV{SECTORCTL_KEY_FILE} = $file;
        succeeds(undef, 'enable');
    }

    fails(7, 'No such file', 'enable', "--key-file=$dir/none");
    fails(7, 'no key in', 'enable', '--key-file='
                                    . file('empty', "# nothing\n\n"));
    fails(7, 'has mode 0666', 'enable', '--key-file='
                                        . file('open', "secret-1\n", 0666));

    my ($status, undef, $err) = run('enable', '--key-file='
                                    . file('seen', "secret-1\n", 0644));
    is($status, 0, 'a key file that others can read will do');
    like($err, qr/"\S+" has mode 0644: others can read it$/, 'with a warning');
    local $ENV{SECTORCTL_KEY} = "secret-2\r\nX-More: 1";
    fails(7, 'invalid key in SECTORCTL_KEY', 'enable');
    succeeds(undef, 'get', 'XLK');
    ended_well();
};


subtest 'the key goes nowhere else' => sub {
    local $ENV{SECTORCTL_KEY} = 'secret-2';
    my $thief = fake(http(200, '{"success":true,"data":{}}'));
    my $fake = fake(http(307, '', "Location: $thief->{url}/enabled"));

    $ENV{SECTORCTL_URL} = $fake->{url};
    unlink "$dir/fake";
    fails(6, 'redirects to .*, which is not followed', 'enable');
    is(() = $fake->{got}->() =~ /^X-API-Key: secret-2/mg, 1,
       'one request, with the key');
    stop($fake);

    unlink "$dir/fake";
    $ENV{SECTORCTL_URL} = $thief->{url};
    run('get', 'XLK');
    run('status');
    run('breaker', 'up');
    run('top', '--once');
    like($thief->{got}->(), qr/^GET /, 'others are asked');
    unlike($thief->{got}->(), qr/X-API-Key|secret/i, 'without it');
    stop($thief);
};


subtest 'servers that are none' => sub {
    my $closed = 'http://127.0.0.1:' . $upstream->door;
    my @any = ([qw(status)], [qw(get XLK)], [qw(snapshot)], [qw(warm)],
               [qw(enable)], [qw(clear --all)], [qw(explain XLK)],
               [qw(top --once)]);

    fails(3, 'no answer of http://127\.0\.0\.1', @$_, "--url=$closed")
        for @any;

    my $fake = fake(http(200, '<html>hello</html>'));
    fails(6, 'is not JSON \(status 200\)', @$_, "--url=$fake->{url}") for @any;
    stop($fake);

    $fake = fake(http(404, 'no'));
    fails(6, 'is not JSON \(status 404\), is the address right', 'status',
          "--url=$fake->{url}");
    stop($fake);

    $fake = fake("\001\002garbage\015\012\015\012");
    fails(6, 'bad answer of', 'status', "--url=$fake->{url}");
    stop($fake);

    $fake = fake("HTTP/1.1 200 X\015\012Content-Length: 99\015\012\015\012{}");
    fails(6, 'bad answer of', 'status', "--url=$fake->{url}");
    stop($fake);

    $fake = fake('hang');
    fails(5, 'no answer of .* within 0\.2 s', 'status', '--timeout=200ms',
          "--url=$fake->{url}");
    stop($fake);

    $fake = fake(http(403, 'no'));
    fails(4, 'refuses this: not allowed \(403\)', 'status',
          "--url=$fake->{url}");
    stop($fake);

    # what a server says moves no cursor
    $fake = fake(http(500, '{"success":false,"error":"a\u001b[2Jb\nc\u009b"}'));
    fails(1, 'a\?\[2Jb\?c\?+ \(500\)', 'status', "--url=$fake->{url}");
    stop($fake);

    $fake = fake(http(200, '{"success":true,"data":{"symbol":"X\u001b]0;"}}'));
    unlike((run('get', 'XLK', "--url=$fake->{url}"))[1], qr/\033/,
           'nor does its data');
    stop($fake);

    fails(3, 'no answer of http://127\.0\.0\.1:1:', 'status',
          '--url=http://user:secret@127.0.0.1:1');
};


subtest 'addresses' => sub {
    start('ok');

    my $url = delete $ENV{SECTORCTL_URL};

    succeeds(undef, 'get', 'XLK', "--url=$url/");
    succeeds(undef, 'get', 'XLK', '--url=http://127.0.0.1:1',
             "--api-url=$url/api/v1/sectors/");
    $ENV{SECTORCTL_URL} = $url;
    fails(6, 'not JSON \(status 404\)', 'status', '--status-url=/elsewhere');
    fails(4, '403', 'status', '--status-url=/closed');
    fails(6, 'redirects to', 'status', '--status-url=/moved');
    {
        local $ENV{SECTORCTL_STATUS_URL} = '/sector-cache';
        succeeds(undef, 'status');
    }
    ended_well();
};


# How many connections of this machine came to nothing.
sub refused {
    open my $in, '<', '/proc/net/snmp' or die "snmp: $!";
    my ($names, $values) = map { [split] } grep { /^Tcp:/ } <$in>;
    my %tcp;

    @tcp{@$names} = @$values;

    return $tcp{AttemptFails};
}


subtest 'wait-healthy' => sub {
    start('status:500', 'failures=1 open=1h max_open=1h');
    my $soon = '--timeout=' . scaled(0.5);

    succeeds(qr/\Ahealthy\n\z/, 'wait-healthy');
    succeeds(qr/"status":"healthy"/, 'wait-healthy', '--json');

    run('get', 'XLK');
    fails(5, 'not healthy within \S+ s: it is unhealthy', 'wait-healthy',
          $soon, @$_) for [], ['--degraded'];
    fails(1, 'is unhealthy', @$_) for ['status'], ['top', '--once'];

    my ($status, $out) = run('status');
    like($out, qr/^health +unhealthy, breaker of up is open, every fetch from up fails, 12 symbols cannot be served$/m,
         'status says what is wrong');
    like($out, qr/^up +every fetch has failed since \S+Z, 1 in a row\n +breaker opened: [^\n]* 500\b[^\n]*Z\n +last error: [^\n]* 500\b[^\n]*, of XLK, \S+Z\n +last success: never\n +stale data lasts until: nothing is stale$/m,
         'and why');

    run([qq({"symbol":"XLK","price":1})], 'set', 'XLK');
    fails(5, 'not healthy within \S+ s: it is degraded', 'wait-healthy',
          $soon);
    succeeds(qr/\Adegraded\n\z/, 'wait-healthy', '--degraded');
    succeeds(qr/^health +degraded, breaker of up is open/m, 'status');
    fails(4, '403', 'wait-healthy', '--api-url=/closed');
    ended_well();

    # a breaker that does not open, of a provider that refuses every symbol
    start('status:400', 'failures=2');
    run('get', $_) for qw(XLK XLF);
    fails(5, 'it is degraded: 2 of 12 symbols cannot be served',
          'wait-healthy', $soon);
    succeeds(qr/^health +degraded, every fetch from up fails, 2 symbols cannot be served\n.*^up +closed .*^up +every fetch has failed since \S+Z, 2 in a row$/ms,
             'status');
    ended_well();

    fails(5, 'not healthy within \S+ s: no answer of', 'wait-healthy', $soon);

    # one that begins to listen while it is waited for
    my $port = Upstream::Nginx::free_port();
    my $refused = refused();
    my $pid = open3(my $to, my $from, undef, $ctl, 'wait-healthy',
                    "--url=http://127.0.0.1:$port");
    wait_for('it has been refused', sub { refused() > $refused });
    my $body = '{"success":true,"data":{"status":"healthy"}}';
    my $listener = IO::Socket::INET->new(Listen => 8, LocalPort => $port,
                                         LocalAddr => '127.0.0.1',
                                         ReuseAddr => 1) or die $!;
    wait_for('it comes again', sub { came($listener, 0.1) });
    my $socket = $listener->accept;
    sysread $socket, my $in, 65536;
    syswrite $socket, http(200, $body);
    close $socket;
    waitpid $pid, 0;
    is($? >> 8, 0, 'it was waited for');
    is(scalar <$from>, "healthy\n", 'and is healthy');
};


# What was seen of top on a terminal until these keys ended it.
sub top_until {
    my ($keys) = @_;

    # keys come by a pipe into script, which types them; Ctrl-C goes to the
    # shell as well, which may die of it
    my $pid = open3(my $to, my $from, undef, 'script', '-qec',
                    'trap : INT; stty rows 20 cols 70;'
                    . " $ctl top; echo left \$?; stty", '/dev/null');
    my $seen = '';
    my $until = sub {
        my ($pattern) = @_;

        wait_for("top shows $pattern", sub {
            sysread $from, $seen, 65536, length $seen
                if IO::Select->new($from)->can_read(0.1);
            return $seen =~ $pattern;
        });
    };

    $until->(qr/\033\[\?1049h.*REQ\/S/s);
    print $to $keys;
    $to->flush;
    $until->(qr/left \d+\r\n.*baud/s);
    close $to;
    waitpid $pid, 0;

    return $seen;
}


subtest 'top on a terminal' => sub {
    plan skip_all => 'no pseudo-terminal' unless $terminals;
    start('ok');
    run('warm');

    for (['q', 'xq'], ['Ctrl-C', "\003"]) {
        my ($name, $keys) = @$_;
        my $seen = top_until($keys);
        my ($screen, $after)
            = $seen =~ /\A(.*)(\033\[\?25h\033\[\?1049l.*)\z/s;

        ok($after, "$name leaves, and the screen is as before");
        like($after, qr/left 0\r/, 'that is no failure');
        unlike($after, qr/-icanon|-echo\b/, 'the terminal is as before too');
        like($screen, qr/\033\[\?25l/, 'the cursor was hidden');
        like($screen, qr/\033\[7mNAMESPACE /, 'there were namespaces');
        like($screen, qr/\033\[32mclosed /, 'and a breaker');

        my $text = $screen =~ s/\033\[[?0-9;]*[A-GI-Za-z]//gr;
        utf8::decode($text);
        is(scalar(grep { length > 70 } split /\r*\n|\033\[H/, $text), 0,
           'no line was too wide');
    }

    ended_well();
};


subtest 'TLS' => sub {
    my $port = Upstream::Nginx::free_port();
    my $cert = "$dir/cert.pem";

    plan(skip_all => 'openssl makes no certificate here') if system(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
        . " -addext subjectAltName=IP:127.0.0.1 -keyout $dir/tls.key"
        . " -out $cert >/dev/null 2>&1");

    $nginx = eval { Upstream::Nginx->new(http => <<"END") };
server { listen %PORT%; %PID% }
server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $cert;
    ssl_certificate_key $dir/tls.key;
    location / { return 200 '{"success":true,"data":{"status":"healthy"}}'; }
}
END
    plan(skip_all => 'this nginx has no TLS') unless $nginx;

    my @command = ('wait-healthy', '--timeout=5s',
                   "--url=https://127.0.0.1:$port");

    fails(3, 'no answer of https://127\.0\.0\.1:\d+: .*certificate', 'get',
          'XLK', "--url=https://127.0.0.1:$port");
    local $ENV{SSL_CERT_FILE} = $cert;
    succeeds(qr/^healthy$/, @command);
    ended_well();
};


done_testing();
