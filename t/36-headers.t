# nginx keeps an answer's headers in a list of parts.  The module puts its own
# into a part in a row, and begins another where there is no room: a test
# module (tests/nginx/headers_test_module.c) has added some before, as Lua or
# others do.

use strict;
use warnings;

use lib 't/lib';

use Test::More;
use Upstream qw(get);

my $module = $ENV{SECTOR_HEADERS_TEST_MODULE};

plan skip_all => 'there is no test module for this nginx' unless $module;

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my @counts = 0 .. 45;

my $locations = join '', map { <<"END" } @counts;
    location /api$_ {
        headers_test $_;
        sector_cache_api;
        sector_cache_gzip on;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
END

$ENV{TEST_NGINX_LOAD_MODULES}
    = join ' ', $ENV{TEST_NGINX_LOAD_MODULES} || (), $module;

my $nginx = Upstream::Nginx->new(http => <<"END");
sector_cache_zone sectors 1m ttl=1h;
sector_cache_source up retries=0;
server {
    listen %PORT%;
    %PID%
$locations
    location /fetch/ {
        internal;
        proxy_pass http://$up/ok/;
    }
}
END


# The lines of a head but for those of the test, and how many those are.
sub head_of {
    my $got = get(@_);
    my @lines = split /\015\012/, $got->{head};
    my $tests = grep { /^X-Test-\d+: yes$/ } @lines;

    return ($got, $tests,
            grep { !/^(?:X-Test|Date|Age|Cache-Control|Cache-Status)/ } @lines);
}


get('/api0/XLK');

for my $case (
    ['a sector', 200, '/XLK'],
    ['a compressed one', 200, '/XLK', headers => ['Accept-Encoding: gzip']],
    ['an unchanged one', 304, '/XLK', headers => ['If-None-Match: *']],
    ['an error', 404, '/NONE'],
) {
    my ($name, $status, $path, @options) = @$case;
    my (undef, undef, @alone) = head_of("/api0$path", @options);
    my @wrong;

    for my $n (@counts) {
        my ($got, $tests, @head) = head_of("/api$n$path", @options);

        push @wrong, $n if $got->{status} != $status || $tests != $n
                           || "@head" ne "@alone";

        for my $header (qw(Age Cache-Control Cache-Status)) {
            my @found = $got->{head} =~ /^$header: \S.*$/mg;
            push @wrong, "$n: $header" if @found != 1;
        }
    }

    is_deeply(\@wrong, [], "$name has all headers behind whatever others");
}

is($upstream->calls('/ok/XLK'), 1, 'from memory');
is($nginx->stop, 0, 'it ended well');
is($nginx->trouble, '', 'without trouble');

done_testing;
