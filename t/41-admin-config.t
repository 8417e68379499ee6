# The directives of an admin location: "nginx -t" refuses one that nobody meant
# to leave open, a file of keys that others can write, and keys that no client
# could send; and never repeats what may be a key.

use strict;
use warnings;

use lib 't/lib';
use Test::Nginx::Socket 'no_plan';
use SectorCache;

# What "nginx -t" says of an admin location with these directives around and
# in it, and of a file "keys" of this text and mode.

sub check {
    my ($http, $location, $text, $mode) = @_;
    my $dir = html_dir() . '/check';
    my $admin = 'sector_cache_admin';

    $admin = $1 if $location =~ s/^(sector_cache_admin [^;_]*);//;

    mkdir $dir;
    unlink "$dir/keys";

    if (defined $text) {
        open my $out, '>', "$dir/keys" or die "$dir/keys: $!\n";
        print $out $text;
        close $out;
        chmod $mode // 0600, "$dir/keys";
    }

    return nginx_t(<<"END");
http {
    sector_cache_zone sectors 1m;
    $http
    server {
        listen 127.0.0.1:1;
        location /admin {
            $admin;
            $location
        }
    }
}
END
}

sub loads {
    my ($title, @of) = @_;
    my ($status, $words) = check(@of);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::More::is($status, 0, $title) or Test::More::diag($words);
}

sub refused {
    my ($title, $said, @of) = @_;
    my ($status, $words) = check(@of);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::More::isnt($status, 0, $title);
    Test::More::like($words, $said, "$title: the words");
    Test::More::unlike($words, qr/secret/, "$title: no key is repeated");
}

run_tests();

__DATA__

=== TEST 1: an admin location without a key is refused, with its place
--- scenario
refused('none', qr/\[emerg\].*no key is defined for "sector_cache_admin", allowed: "sector_cache_admin_key_file FILE", or "sector_cache_admin_key off".* in \S+nginx\.conf:\d+/,
        '', '');



=== TEST 2: a key file or an "off" may be of the location, the server or the http block
--- scenario
loads('in the location', '', 'sector_cache_admin_key_file keys;', 'secret');
loads('in the http block', 'sector_cache_admin_key_file keys;', '', 'secret');
loads('off', '', 'sector_cache_admin_key off;');
loads('off in the http block', 'sector_cache_admin_key off;', '');
loads('off inside of a file', 'sector_cache_admin_key_file keys;',
      'sector_cache_admin_key off;', 'secret');
loads('a file inside of off', 'sector_cache_admin_key off;',
      'sector_cache_admin_key_file keys;', 'secret');
loads('in a limit_except and an if', 'sector_cache_admin_key off;',
      'if ($arg_x) { set $y 1; } limit_except GET { deny all; }');



=== TEST 3: comments, blank lines, blanks and line breaks of any kind are no keys
--- scenario
loads('all of them', '', 'sector_cache_admin_key_file keys;',
      "# secret\r\n\n \t\n  secret-1  \r\nsecret-2\n   # secret\nsecret-3");
loads('a key of 256 bytes', '', 'sector_cache_admin_key_file keys;',
      'secret' . 'x' x 250);
loads('all that is printable', '', 'sector_cache_admin_key_file keys;',
      join '', 'k', map { chr } 0x21 .. 0x7e);



=== TEST 4: a file that is not there, empty, or no file is refused
--- scenario
my $key_file = 'sector_cache_admin_key_file';

refused('not there', qr/\[emerg\].*open\(\) "\S+\/keys" of "$key_file" failed \(2: No such file/,
        '', "$key_file keys;");
refused('empty', qr/no key in "\S+\/keys" of "$key_file", allowed: one a line/,
        '', "$key_file keys;", '');
refused('comments alone', qr/no key in "\S+\/keys"/,
        '', "$key_file keys;", "# secret\n\n");
refused('a folder', qr/"\S+\/logs" of "$key_file" is no regular file/,
        '', "$key_file logs;");
refused('an empty name', qr/"$key_file" directive has an empty name/,
        '', "$key_file '';");
refused('too large', qr/has 65537 bytes, allowed: up to 65536/,
        '', "$key_file keys;", "secret\n" . '#' x 65530);



=== TEST 5: a file that others can write is refused, one that they can read warned of
--- scenario
my $key_file = 'sector_cache_admin_key_file';
my $has = sub { return sprintf '"\S+/keys" of "%s" has mode %04o', $key_file, $_[0] };

for my $mode (0602, 0777, 0666) {
    refused(sprintf('mode %04o', $mode),
            qr/\[emerg\].*@{[$has->($mode)]}, allowed: one that gives others no access/,
            '', "$key_file keys;", 'secret', $mode);
}

for my $mode (0644, 0604, 0755) {
    my ($status, $words) = check('', "$key_file keys;", 'secret', $mode);

    Test::More::is($status, 0, sprintf 'mode %04o', $mode);
    Test::More::like($words, qr/\[warn\].*@{[$has->($mode)]}, better: one that gives others no access/,
                     sprintf 'mode %04o: the words', $mode);
}

for my $mode (0600, 0601, 0640, 0660, 0400, 0440) {
    my ($status, $words) = check('', "$key_file keys;", 'secret', $mode);

    Test::More::is($status, 0, sprintf 'mode %04o', $mode);
    Test::More::unlike($words, qr/warn/, sprintf 'mode %04o: no words', $mode);
}



=== TEST 6: a key that no client could send is refused, with its line
--- scenario
my $key_file = 'sector_cache_admin_key_file';

refused('too long', qr/key of 257 bytes in "\S+\/keys" line 2 of "$key_file", allowed: up to 256/,
        '', "$key_file keys;", "# x\nsecret" . 'x' x 251);

for my $bad ("secret key", "secret\x01", "secret\x7f", "secret\xe9",
             "secret\0", "\xef\xbb\xbfsecret", "se\tcret secret", "secret\rx")
{
    refused('not printable', qr/invalid key in "\S+\/keys" line 3 of "$key_file", allowed: printable ASCII without spaces/,
            '', "$key_file keys;", "good\n\n$bad\n");
}



=== TEST 7: "sector_cache_admin_key" takes off alone, and repeats nothing else
--- scenario
refused('a key', qr/invalid value of "sector_cache_admin_key", allowed: off; keys are in the file of "sector_cache_admin_key_file"/,
        '', 'sector_cache_admin_key secret;');



=== TEST 8: two of the key directives in one block are refused
--- scenario
my $off = 'sector_cache_admin_key off;';
my $file = 'sector_cache_admin_key_file keys;';

refused('off twice', qr/"sector_cache_admin_key" directive is duplicate/,
        '', "$off $off");
refused('a file twice', qr/"sector_cache_admin_key_file" directive is duplicate/,
        '', "$file $file", 'secret');
refused('a file and off', qr/"sector_cache_admin_key" directive is duplicate, or beside "sector_cache_admin_key_file"/,
        '', "$file $off", 'x');
refused('off and a file', qr/"sector_cache_admin_key_file" directive is duplicate, or beside "sector_cache_admin_key off"/,
        '', "$off $file", 'x');



=== TEST 9: zones that are named must be declared
--- scenario
my $off = 'sector_cache_admin_key off;';

loads('declared further below', '', "sector_cache_admin sectors=sectors snapshots=sectors;$off");
refused('sectors', qr/unknown zone "none" in "sector_cache_admin", declare it by "sector_cache_zone" in \S+:\d+/,
        '', "sector_cache_admin sectors=none;$off");
refused('snapshots', qr/unknown zone "none" in "sector_cache_admin"/,
        '', "sector_cache_admin snapshots=none;$off");
refused('a parameter', qr/invalid parameter "zone=x" of "sector_cache_admin", allowed: sectors=ZONE, snapshots=ZONE, once each/,
        '', "sector_cache_admin zone=x;$off");
refused('a name twice', qr/invalid parameter "sectors=sectors" of "sector_cache_admin"/,
        '', "sector_cache_admin sectors=sectors sectors=sectors;$off");



=== TEST 10: an admin location is one location's only handler, and not in a regular expression
--- scenario
my $off = 'sector_cache_admin_key off;';

refused('twice', qr/"sector_cache_admin" directive is duplicate/,
        '', "sector_cache_admin; $off");
refused('beside the status', qr/is duplicate, the location has another content handler/,
        '', "sector_cache_status; $off");
refused('in a regular expression', qr/"sector_cache_admin" directive cannot be used in a named location or one given by a regular expression/,
        '', "$off } location ~ /x { sector_cache_admin; $off");



=== TEST 11: the directives have their places
--- scenario
refused('in the http block', qr/"sector_cache_admin" directive is not allowed here/,
        'sector_cache_admin;', 'sector_cache_admin_key off;');
refused('in the server', qr/"sector_cache_admin" directive is not allowed here/,
        'sector_cache_admin_key off; server { sector_cache_admin; }', '');



=== TEST 12: an admin location works without any source
--- http_config
    sector_cache_zone sectors 1m;
    sector_cache_zone snapshots 1m;
--- config
    location /admin {
        sector_cache_admin;
        sector_cache_admin_key off;
    }
--- more_headers
Content-Type: application/json
--- request eval
["GET /admin/enabled", "PUT /admin/sectors/XLK\n{\"symbol\":\"XLK\",\"price\":1}",
 "PUT /admin/sectors/ABC\n{\"symbol\":\"ABC\",\"price\":1}",
 "POST /admin/refresh",
 "PUT /admin/snapshot\n{\"sectors\":[{\"symbol\":\"XLK\",\"price\":1}]}",
 "PUT /admin/snapshot\n{\"sectors\":[{\"symbol\":\"ABC\",\"price\":1}]}",
 "PUT /admin/breaker/x\n{\"state\":\"open\"}", "GET /ops/stats",
 "DELETE /admin/"]
--- error_code eval
[200, 200, 404, 404, 200, 404, 404, 200, 200]
--- json
{"data":{"enabled":true}}
{"data":{"stored":1}}
{"error_code":"UNKNOWN_SYMBOL"}
{"error_code":"NOT_FOUND"}
{"data":{"stored":1}}
{"error_code":"UNKNOWN_SYMBOL"}
{"error_code":"NOT_FOUND"}
{"entryCount":2}
{"data":{"removed":2}}



=== TEST 13: an admin location works without any zone
--- http_config
    server_tokens off;
--- config
    location /admin {
        sector_cache_admin;
        sector_cache_admin_key off;
    }
--- request eval
["GET /admin/enabled", "PUT /admin/sectors/XLK\n{\"symbol\":\"XLK\",\"price\":1}",
 "PUT /admin/sectors\n{}", "PUT /admin/snapshot\n{\"sectors\":[]}",
 "DELETE /admin/sectors/XLK", "DELETE /admin/sectors", "DELETE /admin",
 "POST /admin/refresh", "POST /admin/refresh?symbols=XLK"]
--- error_code eval
[200, 404, 404, 404, 404, 405, 200, 404, 404]

