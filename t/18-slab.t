# The store's account of memory is what operators see, and what "full" means;
# nginx's slab allocator rounds in ways of its own.  tests/nginx/ has a module
# that runs the store over the real one inside "nginx -t"; this file loads it.

use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

my $module = $ENV{SECTOR_SLAB_TEST_MODULE};

plan skip_all => 'there is no test module for this nginx' unless $module;

my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $dir = tempdir(CLEANUP => 1);

open my $conf, '>', "$dir/nginx.conf" or die "$dir: $!";
print $conf "load_module $module;\nerror_log $dir/error.log;\n"
    . "pid $dir/nginx.pid;\nevents {}\n";
close $conf;

my $said = `$nginx -t -p $dir -c $dir/nginx.conf -e $dir/error.log 2>&1`;

is($?, 0, 'nginx -t');
like($said, qr/^100000 keys: \d+ entries/m, 'it ran');
diag($said) if $?;
note($said);

done_testing;
