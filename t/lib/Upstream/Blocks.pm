package Upstream::Blocks;

# Sections for blocks of Test::Nginx, so that a block says what is particular
# to it and nothing else.  All have defaults:
#
#     --- script     what the upstream does, see above
#     --- scripts    lines of SYMBOL SCRIPT, where symbols differ in that;
#                    "default" is the others
#     --- zone       parameters of the zone
#     --- zone_size  its size
#     --- source     parameters of the source "up", or first name=NAME for a
#                    block that looks at its counters or its breaker: they
#                    outlive a reload
#     --- api        more directives for the location /api
#     --- uri        the URI to fetch
#     --- fetch      the directives of the location /fetch/
#     --- directives more of them
#     --- locations  more of the server's
#     --- http       more of the http block's
#     --- calls      how many calls must have reached the upstream
#     --- client     Perl to run in place of a request, with the functions of
#                    Test::More and of Upstream
#
# In these %UPSTREAM% and %DOOR% are the addresses, %PATH% is the path up to
# the symbol, and %N% is a number that no other block has: with reloads
# between the blocks (TEST_NGINX_USE_HUP) nothing of one reaches the next.

use strict;
use warnings;

use Test::More ();

our $upstream;

my $count = 0;


sub setup {
    ($upstream) = @_;
    my $workers = $ENV{SECTOR_TEST_WORKERS} || 1;

    Test::Nginx::Socket::no_shuffle();
    Test::Nginx::Socket::no_long_string();

    if ($workers > 1 || $ENV{TEST_NGINX_USE_HUP}) {
        Test::Nginx::Socket::master_on();
        Test::Nginx::Socket::workers($workers);
    }

    Test::Nginx::Util::add_block_preprocessor(\&complete);

    my $helper = $Test::Nginx::Util::RunTestHelper;
    $Test::Nginx::Util::RunTestHelper = sub { run($helper, @_) };
}


sub section {
    my ($block, $name, $default) = @_;
    my $text = $block->$name;

    return defined $text ? $text : $default;
}


sub complete {
    my ($block) = @_;
    my $n = ++$count;
    my $script = section($block, script => 'ok');
    my $zone = section($block, zone => 'ttl=1m stale=1h');
    my $source = section($block, source => 'timeout=8s');
    my $api = section($block, api => '');
    my $uri = section($block, uri => '/fetch/$sector_cache_symbol');
    my $size = section($block, zone_size => '1m');

    chomp($script, $zone, $source, $uri, $size);

    # a zone of another size is another zone
    $size = ($size =~ /^(\d+)m/ ? $1 * 1024 : $size =~ /^(\d+)/ && $1) + 4 * $n;

    $source .= ' retries=0' unless $source =~ /retries=/;
    $source .= ' hold=0'
        unless $source =~ s/ ?hold=default// || $source =~ /hold=/;
    $source .= ' failures=1000000 open=1ms max_open=1ms'
        unless $source =~ /failures=|open=/;

    my $name = $source =~ s/^name=(\S+)// ? $1 =~ s/%N%/$n/r : 'up';
    my $fetch = section($block, fetch => 'proxy_pass http://%UPSTREAM%%PATH%;');
    my $http = "sector_cache_zone sectors ${size}k $zone;\n"
             . "sector_cache_source $name $source;\n"
             . section($block, http => '');

    if (defined $block->scripts) {
        $uri = '/fetch/$script/$sector_cache_symbol';
        $fetch = 'rewrite ^/fetch/([^/]+)/(.*)$ /$1/b%N%/$2 break;'
                 . "\nproxy_pass http://%UPSTREAM%;";
        $http .= "map \$sector_cache_symbol \$script {\n"
                 . ($block->scripts =~ s/(\S+)[ ]+(\S+)$/$1 "$2";/gmr) . "}\n";
    }

    $fetch .= "\n" . section($block, directives => '');

    my $config = <<"END";
location /api {
    sector_cache_api;
    sector_cache_unknown_symbols accept;
    sector_cache_fetch $name $uri;
    $api
}
location /fetch/ {
    internal;
    $fetch
}
location /status {
    sector_cache_status;
}
END
    $config .= section($block, locations => '');

    for my $text ($http, $config) {
        $text =~ s/%PATH%/\/$script\/b%N%\//g;
        $text =~ s/%UPSTREAM%/'127.0.0.1:' . $upstream->port/ge;
        $text =~ s/%DOOR%/'127.0.0.1:' . $upstream->door/ge;
        $text =~ s/%N%/$n/g;
    }

    $block->set_value(http_config => $http);
    $block->set_value(config => $config);
    $block->set_value(number => $n);
    $block->set_value(source_name => $name);
    $block->set_value(request => 'GET /api/XLK')
        unless defined $block->request || defined $block->client
               || defined $block->raw_request;
    $block->set_value(no_error_log => join "\n",
                      defined $block->error_log ? () : '[error]',
                      '[alert]', '[crit]', '[emerg]')
        unless defined $block->no_error_log;
}


sub run {
    my ($helper, $block, $dry_run, $index) = @_;
    my $calls = $block->calls;

    $Upstream::Port = $Test::Nginx::Util::ServerPortForClient;

    if (!defined $block->client) {
        $helper->($block, $dry_run, $index);

    } elsif (!$dry_run) {
        # Test::Nginx waits for a slow start only with requests of its own
        Upstream::wait_for('nginx listens', \&Upstream::connected);
        Upstream::Script::run($block);
        &Test::Nginx::Socket::check_error_log($block, {}, $dry_run, $index);
    }

    if (defined $calls && !$dry_run) {
        chomp $calls;
        Test::More::is($upstream->calls('/b' . $block->number . '/'), $calls,
                       $block->name . ' - calls of the upstream');
    }
}


package Upstream::Script;

# Where the Perl of a --- client section runs.

use Time::HiRes qw(sleep time);

Upstream->import(qw(get begin finish leave wait_for scaled));

our ($block, $key);


sub run {
    local $block = $_[0];
    local $key = '/b' . $block->number . '/';
    my $code = $block->client;

    if (ref $code) {
        eval { $code->(); 1 } or ok(0, "it ran to its end: $@");

    } else {
        eval "use strict; use warnings;\n#line 1 \"client\"\n$code\n; 1"
            or ok(0, "it ran to its end: $@");
    }
}


# Those of Test::More, saying which block it was.

sub ok {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::ok($_[0], $block->name . " - $_[1]");
}

sub is {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is($_[0], $_[1], $block->name . " - $_[2]");
}

sub like {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::like($_[0], $_[1], $block->name . " - $_[2]");
}


# How many calls of this block reached the upstream.
sub calls { return $upstream->calls($key) }


# /stats: all of it, or what is said of the block's source.
sub stats { return get('/status/stats')->{json} }
sub source { return stats()->{sources}{ $block->source_name } }


1;
