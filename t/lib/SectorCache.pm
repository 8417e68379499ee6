package SectorCache;

# What the suites share, on top of Test::Nginx:
#
#   http(...)         the http block of most tests: a zone, a source and a demo
#                     upstream in the same nginx
#   --- json          what a response's JSON must hold, a line for each response
#   --- scenario      Perl that talks to the running nginx, for what a list of
#                     requests cannot say: waiting for a condition, clients at
#                     the same time, an upstream that is held
#
# A block without an http_config has http(), one without a config has the
# location /api, and one without a no_error_log may log no error at all.
#
# From the environment: SECTOR_TEST_WORKERS, how many workers nginx has beside
# a master; without it nginx is one process.

use strict;
use warnings;

use Ending ();
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Test::More ();
use Test::Nginx::Socket ();
use Test::Nginx::Util;
use Time::HiRes ();

our @EXPORT = qw(connection contains data_of finish get held http nginx_t
                 on_one_connection start stats upstream_calls upstream_fails
                 upstream_works wait_until);

# How long anything may take; what is waited for comes much sooner.
my $patience = $ENV{TEST_NGINX_USE_VALGRIND} ? 60 : 10;

# The size of a zone is another one in each block, so that under a reload it
# is a new zone: nginx reuses one only if its size is the same.
my $zone_kilobytes = 1024;


# For the configurations: ports beside the server's own, which misc/test.sh has
# seen free, and the recorded responses.

sub set_environment {
    my $port = server_port();

    $ENV{TEST_NGINX_UPSTREAM_PORT} = $port + 1;
    $ENV{TEST_NGINX_HELD_PORT} = $port + 2;
    $ENV{TEST_NGINX_FIXTURES} = $ENV{SECTOR_FIXTURES} || '../shared/fixtures';
}


sub use_workers {
    my $workers = $ENV{SECTOR_TEST_WORKERS} or return;

    master_on();
    workers($workers);
}


# The http block.  All are optional:
#
#   zone      parameters of the zone "sectors"
#   source    name and parameters of the source; one whose fetches fail should
#             have a name of its own, for its breaker outlives a reload
#   upstream  more locations of the demo upstream
#   more      more of the http block
#
# The upstream's /sector/SYMBOL is an object in our own form, of which "call"
# differs from call to call; /chart/SYMBOL is a Yahoo chart.  Both answer 503
# while upstream_fails() is in force.

sub http {
    my %given = (zone => '', source => 'demo', upstream => '', more => '', @_);

    $zone_kilobytes += 4;

    # that failed keys wait is tested where it is said how long
    $given{source} .= ' hold=0' unless $given{source} =~ / hold=/;

    return <<"END";
    sector_cache_zone sectors ${zone_kilobytes}k $given{zone};
    sector_cache_source $given{source};

    log_format upstream '\$request_method \$request_uri';

    server {
        listen 127.0.0.1:\$TEST_NGINX_UPSTREAM_PORT;
        access_log logs/upstream.log upstream;
        default_type application/json;
        root html;

        if (-f \$document_root/upstream-fails) {
            return 503 'told to fail';
        }

        location ~ ^/sector/(?<symbol>.+)\$ {
            return 200 '{"symbol":"\$symbol", "price":285.17, "volume":9007199254740993, "call":"\$request_id"}';
        }

        location ~ ^/chart/(?<symbol>.+)\$ {
            return 200 '{"chart":{"result":[{"meta":{"currency":"USD","symbol":"\$symbol","shortName":"Fund \$symbol","regularMarketTime":1795208400,"regularMarketPrice":241.36,"regularMarketVolume":6214530,"regularMarketDayHigh":242.05,"regularMarketDayLow":238.66,"previousClose":239.1,"fiftyTwoWeekHigh":268.74,"fiftyTwoWeekLow":172.45}}],"error":null}}';
        }

        location /missing/ {
            return 404 '{"error":"no such symbol"}';
        }

        location /failing/ {
            return 500;
        }

        location /invalid/ {
            return 200 '<html>not JSON</html>';
        }

        $given{upstream}
    }

    $given{more}
END
}


my $server = <<'END';
    location /_up/ {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_UPSTREAM_PORT/;
        proxy_buffering off;
        proxy_pass_request_headers off;
    }

    location /_held/ {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_HELD_PORT/;
        proxy_buffering off;
        proxy_pass_request_headers off;
    }

    location /ops {
        sector_cache_status;
    }
END

my $api = <<'END';
    location /api {
        sector_cache_api;
        sector_cache_fetch demo /_up/sector/$sector_cache_symbol;
    }
END


sub complete_block {
    my ($block) = @_;

    $block->set_value('http_config', http()) unless $block->http_config;
    $block->set_value('config', $api) unless defined $block->config;

    return if defined $block->must_die;

    $block->set_value('config', $server . $block->config);

    if (!defined $block->no_error_log) {
        $block->set_value('no_error_log', "[error]\n[alert]\n[crit]\n");
    }
}


# ---- What a response's JSON must hold.

# Whether the JSON value has all that is wanted: an object may have more
# members, an array may not.  Of what is wanted, a string "~X" is a regular
# expression and a member "!X" says that there is no X.  Returns an empty
# string, or what is wrong and where.

sub difference {
    my ($got, $wanted, $where) = @_;

    if (ref $wanted eq 'HASH') {
        return "$where is no object" if ref $got ne 'HASH';

        for my $name (sort keys %$wanted) {
            if ($name =~ /^!(.+)/) {
                return "$where.$1 is there" if exists $got->{$1};
                next;
            }

            return "$where.$name is missing" if !exists $got->{$name};

            my $wrong = difference($got->{$name}, $wanted->{$name},
                                   "$where.$name");
            return $wrong if $wrong;
        }

        return '';
    }

    if (ref $wanted eq 'ARRAY') {
        return "$where is no array" if ref $got ne 'ARRAY';
        return "$where has " . @$got . ' elements, not ' . @$wanted
            if @$got != @$wanted;

        for my $i (0 .. $#$wanted) {
            my $wrong = difference($got->[$i], $wanted->[$i], "${where}[$i]");
            return $wrong if $wrong;
        }

        return '';
    }

    my $json = JSON::PP->new->allow_nonref->canonical;

    if (defined $wanted && !ref $wanted && $wanted =~ /^~(.+)/s) {
        my $pattern = $1;

        return '' if defined $got && !ref $got && $got =~ /$pattern/;
        return "$where is " . $json->encode($got) . ", not like $pattern";
    }

    my ($is, $should) = map { $json->encode($_) } $got, $wanted;

    return $is eq $should ? '' : "$where is $is, not $should";
}


sub decoded {
    my ($text) = @_;

    return eval { JSON::PP->new->utf8->allow_nonref->decode($text) };
}


# Compares a response's body, or what one was decoded to, with JSON text.

sub contains {
    my ($body, $wanted, $title) = @_;
    my $text = $wanted;
    my $wrong;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $body = JSON::PP->new->utf8->canonical->encode($body) if ref $body;

    utf8::encode($text) if utf8::is_utf8($text);
    $wanted = JSON::PP->new->utf8->allow_nonref->decode($text);

    my $got = decoded($body);

    if (!defined $got && $@) {
        $wrong = "it is no JSON: $@";

    } else {
        $wrong = difference($got, $wanted, 'the body');
    }

    Test::More::ok($wrong eq '', $title)
        or Test::More::diag("$wrong\nin: $body");
}


sub check_json {
    my ($block, $body, $index, $repeated, $dry_run) = @_;

    return if !defined $block->json;

    my @lines = grep { /\S/ } split /\n/, $block->json;
    my $title = $block->name . " - JSON of response $index";

    if ($index > $#lines) {
        Test::More::fail("$title: there is no line for it");
        return;
    }

    return if $lines[$index] =~ /^\s*-\s*$/;

    SKIP: {
        Test::More::skip("$title - $dry_run", 1) if $dry_run;
        contains($body, $lines[$index], $title);
    }
}


# The text of "data" as it came.

sub data_of {
    my ($response) = @_;

    return $response->{body} =~ /^\{"success":true,"data":(.*),"cached":/s
           ? $1 : "no data in: $response->{body}";
}


# ---- Scenarios.

my $run_requests = $RunTestHelper;

$RunTestHelper = sub {
    my ($block, $dry_run, $repeated) = @_;
    my $name = $block->name;
    my $code = $block->scenario;

    return $run_requests->(@_) if !defined $code;

    SKIP: {
        Test::More::skip("$name - $dry_run", 1) if $dry_run;

        (my $file = $name) =~ s/["\n]//g;

        my $done = eval "package main; use strict; use warnings;\n"
                        . "#line 1 \"$file\"\n$code\n;1";

        Test::More::fail("$name - died: $@") if !$done;
    }

    $CheckErrorLog->($block, undef, $dry_run, $repeated, 0);
};


# nginx may still be starting, under valgrind for seconds.
sub connection {
    my ($port) = @_;
    my $until = Time::HiRes::time() + $patience;

    while (1) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $port, Proto => 'tcp',
                                           Timeout => $patience);
        return $socket if $socket;

        die "no connection to port $port: $!\n"
            if Time::HiRes::time() > $until;

        Time::HiRes::sleep(0.02);
    }
}


# Begins a request on a connection of its own; finish() gives the response.
#     method, headers => { name => value }, body, keepalive, on => a connection

sub start {
    my ($uri, %with) = @_;
    my $socket = $with{on} || connection(server_port());
    my $method = $with{method} || 'GET';
    my %headers = (Host => 'localhost', %{ $with{headers} || {} });

    $headers{Connection} = 'close' if !$with{keepalive} && !$with{on};
    $headers{'Content-Length'} = length $with{body} if defined $with{body};

    print $socket "$method $uri HTTP/1.1\r\n",
                  (map { "$_: $headers{$_}\r\n" } sort keys %headers),
                  "\r\n", $with{body} // '';
    $socket->flush;

    return { socket => $socket, method => $method };
}


sub read_more {
    my ($socket, $buffer) = @_;

    IO::Select->new($socket)->can_read($patience)
        or die "nothing to read within $patience s\n";

    my $n = sysread $socket, $$buffer, 65536, length $$buffer;

    defined $n or die "read: $!\n";

    return $n;
}


# Reads one response: status, headers by lower-case name, body; decoded JSON
# as json.

sub finish {
    my ($request) = @_;
    my $socket = $request->{socket};
    my $text = '';

    while ($text !~ /\r\n\r\n/) {
        read_more($socket, \$text)
            or die "the connection was closed after: $text\n";
    }

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($line, @lines) = split /\r\n/, $head;
    my %headers = map { /^([^:]+):\s*(.*)/ ? (lc $1, $2) : () } @lines;
    my ($status) = $line =~ /^HTTP\/1\.1 (\d+)/
        or die "no status line: $line\n";

    if ($request->{method} eq 'HEAD') {
        # no body

    } elsif (defined $headers{'content-length'}) {
        while (length $body < $headers{'content-length'}) {
            read_more($socket, \$body) or die "a body cut off: $body\n";
        }

    } elsif (($headers{'transfer-encoding'} || '') eq 'chunked') {
        while ($body !~ /(?:^|\r\n)0\r\n\r\n$/) {
            read_more($socket, \$body) or die "a body cut off: $body\n";
        }

        my $chunks = $body;
        $body = '';

        while ($chunks =~ s/^([0-9a-f]+)\r\n//) {
            $body .= substr $chunks, 0, hex $1, '';
            $chunks =~ s/^\r\n//;
        }
    }

    return { status => $status, headers => \%headers, body => $body,
             json => scalar decoded($body) };
}


sub get {
    return finish(start(@_));
}


# One after the other on one connection, that is by one worker.

sub on_one_connection {
    my $socket = connection(server_port());

    return map { finish(start($_, on => $socket)) } @_;
}


sub stats {
    my $response = get('/ops/stats');

    $response->{status} == 200
        or die "/stats answered $response->{status}\n";

    return $response->{json};
}


# Waits for the condition and returns it; it is looked at every 10 ms.

sub wait_until (&$) {
    my ($condition, $title) = @_;
    my $end = Time::HiRes::time() + $patience;
    my $value;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    until ($value = $condition->()) {
        last if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.01);
    }

    Test::More::ok($value, $title)
        or Test::More::diag("not within $patience s");

    return $value;
}


# The calls that the demo upstream has answered, "GET /sector/XLK"; it logs a
# call after it has answered, so as many as are expected are waited for.

sub upstream_calls {
    my ($expected) = @_;
    my $end = Time::HiRes::time() + $patience;
    my @calls;

    while (1) {
        @calls = ();

        if (open my $log, '<', server_root() . '/logs/upstream.log') {
            chomp(@calls = <$log>);
        }

        last if @calls >= $expected || Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.01);
    }

    return @calls;
}


sub upstream_fails {
    open my $flag, '>', html_dir() . '/upstream-fails'
        or die "upstream-fails: $!\n";
}


sub upstream_works {
    unlink html_dir() . '/upstream-fails';
}


# An upstream that answers when it is told to: the location /_held/ leads to
# it.  held() begins to listen; then
#     $held->call            waits for the next call and returns its request
#     $held->calls           how many are waiting to be taken
#     $held->answer(BODY)    answers the call that was taken first

sub held {
    my $listen = IO::Socket::INET->new(
        Listen => 64, LocalAddr => '127.0.0.1', Proto => 'tcp',
        LocalPort => $ENV{TEST_NGINX_HELD_PORT}, ReuseAddr => 1)
        or die "port $ENV{TEST_NGINX_HELD_PORT}: $!\n";

    return bless { listen => $listen, taken => [] }, 'SectorCache::Held';
}


sub SectorCache::Held::pending {
    my ($self, $seconds) = @_;

    return scalar IO::Select->new($self->{listen})->can_read($seconds);
}


sub SectorCache::Held::call {
    my ($self) = @_;
    my $request = '';

    $self->pending($patience) or die "no call came within $patience s\n";

    my $socket = $self->{listen}->accept;

    while ($request !~ /\r\n\r\n/) {
        read_more($socket, \$request) or die "a call cut off: $request\n";
    }

    push @{ $self->{taken} }, $socket;

    return $request;
}


sub SectorCache::Held::answer {
    my ($self, $body, $status) = @_;
    my $socket = shift @{ $self->{taken} } or die "no call was taken\n";

    $status ||= '200 OK';

    print $socket "HTTP/1.0 $status\r\nContent-Type: application/json\r\n",
                  'Content-Length: ', length $body, "\r\n\r\n", $body;
    close $socket;
}


# What "nginx -t" says of a configuration, given without its events block: its
# exit status, its words and the configuration's path.  Nothing is started.
# Where the configuration itself loads the module, it finds it in modules/.

sub nginx_t {
    my ($text) = @_;
    my $dir = html_dir() . '/check';
    my $module = $ENV{TEST_NGINX_LOAD_MODULES} || '';
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';

    mkdir "$_" for $dir, "$dir/logs", "$dir/modules";

    if (!$module) {
        $text =~ s/^load_module .*\n//m;

    } elsif ($text =~ /^load_module /m) {
        symlink $module, "$dir/modules/ngx_http_sector_cache_module.so";

    } else {
        $text = "load_module $module; $text";
    }

    open my $conf, '>', "$dir/nginx.conf" or die "$dir/nginx.conf: $!\n";
    print $conf "$text\nevents {}\npid nginx.pid;\n";
    close $conf;

    my $words = `$nginx -t -e stderr -p $dir/ -c $dir/nginx.conf 2>&1`;

    return ($? >> 8, $words, "$dir/nginx.conf");
}


set_environment();
add_block_preprocessor(\&complete_block);
Test::Nginx::Socket::add_response_body_check(\&check_json);
log_level($ENV{TEST_NGINX_LOG_LEVEL} || 'info');
use_workers();


1;
