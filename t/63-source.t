# nginx's releases have configure at the top of their tree, its repository has
# it in auto alone.  The build takes either, and says what it looked for.  The
# trees here have a configure that only tells how it was run.

use strict;
use warnings;

use Cwd qw(realpath);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

plan skip_all => 'there is no build to take the dashboard from'
    unless $ENV{BUILD} && -d "$ENV{BUILD}/assets" && -f 'config';

my $dir = tempdir(CLEANUP => 1);


sub put {
    my ($name, $text, $mode) = @_;

    open my $file, '>', $name or die "$name: $!\n";
    print $file $text;
    close $file or die "$name: $!\n";
    chmod $mode, $name;
}


# A tree of nginx's with a configure there, if anywhere.
sub tree {
    my ($name, $configure) = @_;
    my $top = "$dir/$name";

    make_path("$top/auto", "$top/src/core");
    put("$top/src/core/nginx.h", qq{#define NGINX_VERSION "1.22.1"\n}, 0644);
    put("$top/$configure", <<'SH', 0755) if $configure;
mkdir objs && echo "$*" >objs/Makefile
SH

    return $top;
}


# With what is built of the dashboard, and nothing else.
sub run {
    my ($script, $source) = @_;
    my $build = "$source-build";

    make_path($build);
    symlink realpath("$ENV{BUILD}/assets"), "$build/assets"
        unless -e "$build/assets";

    local @ENV{qw(BUILD NGINX_SRC)} = ($build, $source);
    my $said = `$script 2>&1`;

    return ($?, $said, "$build/nginx/objs/Makefile");
}


for my $configure ('configure', 'auto/configure') {
    my $source = tree($configure =~ s{/}{-}r, $configure);

    my ($status, $said) = run('misc/deps.sh build', $source);
    is($status, 0, "$configure: it is there") or diag($said);

    ($status, $said, my $made) = run('misc/configure.sh', $source);
    is($status, 0, "$configure: it is run") or diag($said);
    ok(-s $made, "$configure: in a folder of ours");
}

my ($status, $said) = run('misc/deps.sh build', tree('none'));
isnt($status, 0, 'a tree without one is refused');
like($said, qr/no configure in "\Q$dir\E\/none" or its auto/, 'as such');

done_testing;
