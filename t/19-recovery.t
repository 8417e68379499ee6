# What cannot be waited for in a test: a worker that dies within the few
# instructions of a critical section, a zone that another version of the module
# made.  A running nginx is therefore brought into that state by hand, through
# /proc/PID/mem: the zone is found by its magic, and fields of
# sector_store_shm_s at its head, or the lock at the zone's head, are written.

use strict;
use warnings;

use lib 't/lib';
use Fcntl qw(SEEK_SET);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;
use Upstream qw(get begin finish wait_for);

# Offsets: version follows the magic, the mark of a writer begins the third
# cache line.
my %AT = (version => 8, writer => 128);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);


sub http {
    my (%option) = (size => '1m', zone => '', @_);

    return <<"END";
sector_cache_zone sectors $option{size} ttl=10m stale=1h $option{zone};
sector_cache_source up retries=0;
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$sector_cache_symbol;
    }
    location /fetch/ {
        internal;
        proxy_pass http://$up/ok$key;
    }
    location /status {
        sector_cache_status;
    }
    location /gate/ {
        proxy_pass http://$up;
    }
}
END
}


sub start {
    my (%option) = @_;

    $key = '/m' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => $option{workers} || 2,
                                  http => http(%option));
}


sub sectors { return get('/status/stats')->{json}{namespaces}{sectors} }


# The address of the zone's header in the memory of the master, and of the
# zone itself.
sub zone {
    my $pid = $nginx->{pid};

    no warnings 'portable';

    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";

    for my $line (<$maps>) {
        my ($from, $to) = $line =~ /^(\w+)-(\w+) rw-s/ or next;
        my $base = hex $from;
        my $bytes = hex($to) - $base;
        my $at = index memory($base, $bytes), 'SecStore';

        next unless $bytes == 1024 * 1024 && $at >= 0;
        return wantarray ? ($base + $at, $base) : $base + $at;
    }

    die "the zone was not found\n";
}


sub memory {
    my ($at, $bytes, $new, $pid) = @_;
    my $old;

    $pid ||= $nginx->{pid};

    open my $mem, defined $new ? '+<:raw' : '<:raw', "/proc/$pid/mem"
        or die "mem: $!";
    sysseek $mem, $at, SEEK_SET or die "seek: $!";

    if (defined $new) {
        syswrite $mem, $new or die "write: $!";
        return;
    }

    defined sysread $mem, $old, $bytes or return '';
    return $old;
}


plan skip_all => 'valgrind keeps the memory of its program to itself'
    if $ENV{TEST_NGINX_USE_VALGRIND};

start();
plan skip_all => "this machine does not show a process's memory"
    unless eval { zone() };


subtest 'a zone whose writer died is emptied and works on' => sub {
    start();
    get("/api/$_") for qw(A B C);
    is(sectors()->{entryCount}, 3, 'three entries');

    my $misses = sectors()->{misses};
    memory(scalar zone() + $AT{writer}, 4, pack 'L', 1);

    is(get('/api/D')->{cache}, 'miss', 'the next writer');
    $nginx->wait_for_log(qr/zone "sectors" was emptied: a process died while/);
    is(sectors()->{recoveries}, 1, 'counted');
    is(sectors()->{entryCount}, 1, 'what was there is gone');
    is(sectors()->{misses}, $misses + 1, 'the counters are not');
    is(get('/api/D')->{cache}, 'hit', 'what is new is kept');
    is(get('/api/A')->{cache}, 'miss', 'and the old is fetched again');
    is(get('/api/A')->{cache}, 'hit', 'once');

    my $said = () = $nginx->log =~ /was emptied/g;
    is($said, 1, 'logged once');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'a zone that was emptied does not replace its file' => sub {
    my $file = tempdir(CLEANUP => 1) . '/sectors.dump';
    my %zone = (zone => "persist=$file");

    start(%zone);
    get("/api/$_") for qw(A B C);
    is($nginx->stop, 0, 'saved');
    my $size = -s $file;

    start(%zone);
    is(sectors()->{entryCount}, 3, 'loaded');
    memory(scalar zone() + $AT{writer}, 4, pack 'L', 1);
    is(sectors()->{entryCount}, 0, 'emptied');
    is($nginx->stop, 0, 'stopped');
    is(-s $file, $size, 'the file is as it was');

    start(%zone);
    is(sectors()->{entryCount}, 3, 'loaded again');
    memory(scalar zone() + $AT{writer}, 4, pack 'L', 1);
    is(get('/api/NEW')->{cache}, 'miss', 'something new');
    is($nginx->stop, 0, 'stopped');
    cmp_ok(-s $file, '<', $size, 'that is worth saving');

    start(%zone);
    is(get('/api/NEW')->{cache}, 'hit', 'and is there again');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'a reload does not take a zone of another layout' => sub {
    start();
    get('/api/XLK');
    my @old = $nginx->workers;
    my $zone = zone();
    my $version = unpack 'L', memory($zone + $AT{version}, 4);

    memory($zone + $AT{version}, 4, pack 'L', $version + 1);
    $nginx->signal('HUP');
    $nginx->wait_for_log(qr/\[emerg\].*"sectors" holds the layout of another/);

    is(get('/api/XLK')->{cache}, 'hit', 'the old workers serve');
    is_deeply([$nginx->workers], \@old, 'nobody but they');

    memory($zone + $AT{version}, 4, pack 'L', $version);
    $nginx->reload;
    is(get('/api/XLK')->{cache}, 'hit', 'the zone is as it was');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(qr/\[emerg\]/), '', 'and without trouble');
};


# The master frees the mutexes of a dead worker in the zones that it has, which
# after a reload are no longer all that its workers have.
subtest 'a worker that dies in the mutex of a zone that is gone hangs none' =>
sub {
    start(workers => 3);
    get('/api/XLK');

    my @old = $nginx->workers;
    my ($header, $base) = zone();

    # each of them has something to wait for
    my @clients = map { begin("/gate$key$_") } 1 .. 40;
    wait_for('they are under way', sub { $upstream->calls($key) >= 41 });

    $nginx->write_config(http(size => '2m'));
    $nginx->signal('HUP');
    $nginx->wait_for_log(qr/ $_#\d+: gracefully shutting down/) for @old;
    is_deeply([grep { kill 0, $_ } @old], \@old, 'all old workers are there');

    my ($victim, $witness) = @old;
    memory($base, 8, pack('Q', $victim), $witness);
    kill 'KILL', $victim;
    wait_for('it is buried', sub { !kill 0, $victim });
    is(unpack('Q', memory($base, 8, undef, $witness)), $victim,
       'nobody has freed its mutex');

    # an ending worker gives its slot back, for which it takes the mutex
    $upstream->release($key);
    finish($_) for @clients;
    wait_for("old worker $_ ends", sub { !kill 0, $_ }) for @old[1, 2];

    is(get('/api/XLK')->{status}, 200, 'the new ones serve');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(qr/exited on signal 9/), '', 'and without trouble');
};


# The same path would not do: the dynamic linker returns what it has loaded
# from there already.
subtest 'a module from another file starts with a zone of its own' => sub {
    plan skip_all => 'the module is linked in'
        unless $ENV{TEST_NGINX_LOAD_MODULES};

    my $module = tempdir(CLEANUP => 1) . '/module.so';
    copy($ENV{TEST_NGINX_LOAD_MODULES}, $module) or die "copy: $!";

    start();
    get('/api/XLK');

    local $ENV{TEST_NGINX_LOAD_MODULES} = $module;
    $nginx->reload(http());

    like($nginx->log, qr/"sectors" is made anew: the module was replaced/,
         'the log says so');
    is(sectors()->{entryCount}, 0, 'empty');
    is(get('/api/XLK')->{cache}, 'miss', 'a miss');
    is(get('/api/XLK')->{cache}, 'hit', 'and a hit');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


done_testing;
