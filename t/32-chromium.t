# A browser reads what we put together: headless Chromium gets composed gzip,
# and shows the JSON that is in it.  Only where it is installed (Debian's
# package "chromium"); CHROMIUM names another.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;
use Upstream;
use Wire;

my $chromium = $ENV{CHROMIUM} || 'chromium';

plan skip_all => "there is no $chromium"
    if system("timeout 60 $chromium --version >/dev/null 2>&1") != 0;

my $home = tempdir(CLEANUP => 1);
my $sector = q('{"symbol":"$sym","price":285.17,"name":"S&P <500>"}');

my $nginx = Upstream::Nginx->new(http => <<"END");
sector_cache_zone sectors 1m ttl=1h;
sector_cache_zone snapshots 1m ttl=1h;
sector_cache_source up;
sector_cache_gzip on;
log_format seen '\$request_uri \$http_accept_encoding \$sent_http_content_encoding \$status';
server {
    listen %PORT%;
    %PID%
    access_log logs/seen.log seen;
    location /api {
        sector_cache_api;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location ~ ^/fetch/(?<sym>.*) {
        internal;
        default_type application/json;
        return 200 $sector;
    }
}
END

my $wire = Wire->new($nginx->{port});

for my $path ('/api/XLK', '/api/?symbols=XLK,XLF', '/api/snapshot') {
    $wire->get($path);

    my $url = "http://127.0.0.1:$nginx->{port}$path";
    my $dom = `timeout 120 $chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=$home --dump-dom '$url' 2>/dev/null`;

    my ($text) = $dom =~ m{<pre[^>]*>(.*?)</pre>}s;
    $text = '' unless defined $text;
    $text =~ s/&lt;/</g;
    $text =~ s/&gt;/>/g;
    $text =~ s/&amp;/&/g;

    my $shown = eval { JSON::PP::decode_json($text) };
    my $plain = JSON::PP::decode_json($wire->get($path)->{body});

    is_deeply($shown && $shown->{data}, $plain->{data}, "$path is shown")
        or diag("the page: $dom");
}

open my $in, '<', "$nginx->{root}/logs/seen.log" or die "seen.log: $!";
my @api = grep { m{^/api\S* \S.*gzip} } <$in>;

is(scalar(@api), 3, 'it asked for gzip three times');
is(scalar(grep { !/ gzip 200$/ } @api), 0, 'and was given it');
is($nginx->trouble, '', 'there was no trouble');

done_testing();
