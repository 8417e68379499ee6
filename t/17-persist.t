# What a zone holds survives a stop with persist=FILE.  A file is the one place
# where bytes of unknown making enter shared memory, so what is refused matters
# as much as what is kept: a file that was cut off, changed, is of another kind
# or cannot be opened is a warning and an empty zone, and a folder that cannot
# be written is a warning and a zone that works on.

use strict;
use warnings;

use lib 't/lib';
use File::Temp qw(tempdir);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get begin finish wait_for);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key, $dir, $file);


sub http {
    my (%option) = (zone => 'ttl=10m stale=1h', file => $file, script => 'ok',
                    size => '1m', @_);

    return <<"END";
sector_cache_zone sectors $option{size} $option{zone} persist=$option{file};
sector_cache_source up retries=0 timeout=60s;
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
        proxy_pass http://$up/$option{script}$key;
    }
    location /status {
        sector_cache_status;
    }
}
END
}


sub folder {
    $key = '/p' . ++$number . '/';
    $dir = tempdir(CLEANUP => 1);
    $file = "$dir/sectors.dump";
}


sub start {
    my (%option) = (workers => 2, @_);

    $nginx = Upstream::Nginx->new(workers => $option{workers},
                                  http => http(%option));
}


# An nginx whose disk hangs in the first fsync() of all that finds $gate.
my $gate;

sub start_slow {
    $gate = "$dir/gate";

    local $ENV{LD_PRELOAD} = $ENV{SECTOR_SLOW_DISK};
    local $ENV{SECTOR_DISK_GATE} = $gate;

    start(@_);
}


# The child that the disk holds, once there is one.
sub hold {
    open my $out, '>', $gate or die "$gate: $!";
    get("/api/$_[0]");
    wait_for('a save is under way', sub { -e "$gate.held" });

    my ($pid) = map { /\.(\d+)\.tmp$/ } glob "$file.*.tmp";
    return $pid;
}


sub let_go {
    my ($pid) = @_;

    unlink "$gate.held" or die "$gate.held: $!";
    wait_for('it has ended', sub { !-e "$file.$pid.tmp" });
}


# The sockets of a port, listening or connected, by their numbers in /proc.
sub inodes {
    my $port = sprintf '%04X', $_[0];

    open my $tcp, '<', '/proc/net/tcp' or die "tcp: $!";
    return map { (split)[9] } grep { /^\s*\d+: [0-9A-F]{8}:$port / } <$tcp>;
}


sub slurp {
    my $name = shift // $file;

    open my $in, '<:raw', $name or die "$name: $!";
    local $/;
    return scalar <$in>;
}


sub spew {
    my ($bytes) = @_;

    open my $out, '>:raw', $file or die "$file: $!";
    print $out $bytes;
    close $out or die "$file: $!";
}


# The bytes of a file with three entries.
sub saved {
    start();
    get("/api/$_") for qw(XLK XLE SPY);
    $nginx->stop;

    return slurp();
}


subtest 'entries and their ages outlive a stop' => sub {
    folder();
    start();
    my $long = '0123456789ABCDEF^=&_-.0123456789';
    my $miss = get('/api/XLK');
    is($miss->{cache}, 'miss', 'fetched');
    get("/api/$_") for $long, 'M&M.NS';
    wait_for('it has an age', sub { get('/api/XLK')->{json}{metadata}{age} });
    is($nginx->stop, 0, 'stopped');
    ok(-s $file, 'a file');
    is((stat $file)[2] & 0777, 0600, 'for nobody else');

    start();
    my $hit = get('/api/XLK');
    is($hit->{cache}, 'hit', 'from memory');
    is($hit->{data}, $miss->{data}, 'byte for byte');
    cmp_ok($hit->{json}{metadata}{age}, '>=', 1, 'its age goes on');
    cmp_ok($hit->{json}{metadata}{ttl}, '<', 600, 'so does its ttl');
    is(get("/api/$_")->{cache}, 'hit', "$_ as well") for $long, 'M&M.NS';
    like($nginx->log, qr/zone "sectors" starts with 3 entries from/, 'logged');
    is($nginx->trouble, '', 'nothing else is wrong');
};


subtest 'so they do when it is told to end at once' => sub {
    folder();
    start();
    get('/api/XLK');
    $nginx->stop('TERM');
    start();
    is(get('/api/XLK')->{cache}, 'hit', 'from memory');
};


subtest 'it is saved at an interval too, by one process' => sub {
    folder();
    start();
    get('/api/XLK');
    wait_for('it is saved', sub { -s $file });
    is_deeply([glob "$dir/*"], [$file], 'and nothing else is left there');

    # the master first: it would make new workers of those that die
    my @workers = $nginx->workers;
    kill 'KILL', $nginx->{pid};
    waitpid $nginx->{pid}, 0;
    kill 'KILL', @workers;
    $nginx->{pid} = 0;

    start();
    is(get('/api/XLK')->{cache}, 'hit', 'from memory, after a crash');
};


subtest 'what has had its time is not loaded' => sub {
    folder();
    start(zone => 'ttl=50ms');
    get('/api/XLK');
    my $over = time + 0.2;
    $nginx->stop;
    wait_for('its time is over', sub { time > $over });
    start(zone => 'ttl=50ms');
    like($nginx->log, qr/starts with 0 entries/, 'it was judged');
    is(get('/api/XLK')->{cache}, 'miss', 'fetched anew');
};


subtest 'what is past its ttl is loaded as stale' => sub {
    folder();
    start(zone => 'ttl=50ms stale=1h');
    get('/api/XLK');
    $nginx->stop;
    $key = '/p' . ++$number . '/';
    start(zone => 'ttl=50ms stale=1h');
    like($nginx->log, qr/starts with 1 entries/, 'it is there');
};


for my $case (
    ['cut off', sub { substr $_[0], 0, -1 }, qr/it was cut off/],
    ['cut off in its head', sub { substr $_[0], 0, 20 }, qr/it was cut off/],
    ['empty', sub { '' }, qr/it is empty/],
    ['changed', sub { substr($_[0], 90, 1) ^= "\x01"; $_[0] },
     qr/its bytes have changed/],
    ['longer', sub { "$_[0]x" }, qr/its bytes have changed/],
    ['foreign', sub { "GIF89a" . 'x' x 1000 }, qr/it is no dump of a zone/],
    ['newer', sub { substr($_[0], 8, 4) = pack 'L', 99; $_[0] },
     qr/it was written by another version/],
) {
    my ($name, $change, $reason) = @$case;

    subtest "a file that is $name is refused" => sub {
        folder();
        spew($change->(saved()));
        start();
        like($nginx->log, qr/\[warn\].*zone "sectors" starts empty.*$reason/,
             'a warning');
        is(get('/api/XLK')->{data}, '{"symbol":"XLK","price":102}',
           'fetched anew');
        is(get('/api/XLK')->{cache}, 'hit', 'and kept');
        is($nginx->trouble, '', 'nothing else is wrong');
    };
}


subtest 'a zone of another size takes what it has room for' => sub {
    folder();
    start();
    get("/api/K$_") for 1 .. 400;
    $nginx->stop;
    start();

    # 32k less one page of ours and one of the slab's, in slots of 256 bytes
    $nginx->reload(http(size => '32k'));
    my $log = $nginx->log;
    like($log, qr/\[warn\].*"sectors" is made anew: its size changes/,
         'a warning');
    unlike($log, qr/starts empty/, 'which does not say what is not so');

    my ($entries, $evicted) = $log =~
        /starts with (\d+) entries from .* 0 were refused, ([1-9]\d*) were ev/;
    is(get('/status/stats')->{json}{namespaces}{sectors}{entryCount}, $entries,
       'as many entries as the log says');
    is($entries + ($evicted || 0), 400, 'the others were evicted');
    is($nginx->trouble, '', 'nothing is wrong');
};


subtest 'a huge file is refused by its head' => sub {
    my $huge = 300 * 1024 * 1024;

    plan skip_all => 'valgrind needs more memory than that'
        if $ENV{TEST_NGINX_USE_VALGRIND};

    for my $case (['it is no dump of a zone', sub { "\0" x 48 }],
                  ['its \d+ bytes are more than 16 times the zone',
                   sub { my $head = substr saved(), 0, 48;
                         substr($head, 16, 8) = pack 'Q', $huge - 48;
                         return $head }])
    {
        my ($reason, $head) = @$case;

        folder();
        spew($head->());
        truncate $file, $huge or die "$file: $!";
        start();
        like($nginx->log, qr/\[warn\].*"sectors" starts empty.*$reason/,
             'a warning');

        open my $status, '<', "/proc/$nginx->{pid}/status" or die $!;
        my ($most) = map { /^VmHWM:\s+(\d+)/ } <$status>;
        cmp_ok($most, '<', 100 * 1024, 'little memory was taken');
        is(get('/api/XLK')->{status}, 200, 'it works');
    }
};


subtest 'a file that was not loaded is kept until something is stored' => sub {
    folder();
    my $damaged = substr saved(), 0, -1;
    spew($damaged);
    start();
    is($nginx->stop, 0, 'nothing was stored');
    ok(slurp() eq $damaged, 'it is as it was');

    start();
    get('/api/NEW');
    is($nginx->stop, 0, 'something was');
    start();
    is(get('/api/NEW')->{cache}, 'hit', 'so it was replaced');
};


subtest 'a folder in the place of the file is refused' => sub {
    folder();
    mkdir $file or die $!;
    start();
    like($nginx->log, qr/\[warn\].*is no regular file/, 'a warning');
    is(get('/api/XLK')->{status}, 200, 'it works on');
    $nginx->stop;
    like($nginx->log, qr/\[warn\].*zone "sectors" is not saved/, 'a warning');
    is($nginx->trouble, '', 'nothing worse');
    is_deeply([glob "$dir/*"], [$file], 'nothing is left beside it');
};


subtest 'a folder that is not there is a warning' => sub {
    folder();
    start(file => "$dir/none/sectors.dump");
    is(get('/api/XLK')->{status}, 200, 'it works');
    $nginx->stop;
    like($nginx->log, qr/\[warn\].*zone "sectors" is not saved/, 'a warning');
    is($nginx->trouble, '', 'nothing worse');
};


subtest 'what could not be saved is saved when it can be' => sub {
    folder();
    start(file => "$dir/none/sectors.dump");
    get('/api/XLK');
    $nginx->wait_for_log(qr/\[warn\].*zone "sectors" is not saved/);

    mkdir "$dir/none" or die $!;
    wait_for('it is saved', sub { -s "$dir/none/sectors.dump" });
    is($nginx->stop, 0, 'it ends as it should');
    is($nginx->trouble, '', 'nothing worse');
};


subtest 'a file that an older process left half done is no obstacle' => sub {
    folder();
    start();
    get('/api/XLK');
    mkdir "$dir/elsewhere" or die $!;
    symlink "$dir/elsewhere/x", "$file.$nginx->{pid}.tmp" or die $!;
    $nginx->stop;
    ok(-s $file && !-l $file, 'saved');
    ok(!-e "$dir/elsewhere/x", 'and nothing written where it points to');
    is($nginx->trouble, '', 'without trouble');
};


subtest 'what killed processes have left is removed' => sub {
    folder();
    saved();

    my $dead = fork;
    POSIX::_exit(0) if defined $dead && $dead == 0;
    waitpid $dead, 0;

    my @keep = map { "$file.$_" } $dead, "$$.tmp", "x.tmp", "$dead.tmp.gz",
                                  "tmp", "-1.tmp";

    for my $name (@keep, "$file.$dead.tmp", "${file}x.$dead.tmp") {
        open my $out, '>', $name or die "$name: $!";
    }

    start();
    is_deeply([sort glob "$dir/*"],
              [sort $file, @keep, "${file}x.$dead.tmp"],
              'and nothing else');
    is($nginx->trouble, '', 'without trouble');
};


SKIP: {
skip 'there is no slow disk', 1
    unless -e ($ENV{SECTOR_SLOW_DISK} || '') && !$ENV{TEST_NGINX_USE_VALGRIND};


subtest 'a save that was held up does not replace a later one' => sub {
    folder();
    my $other = saved();
    unlink $file or die "$file: $!";
    start_slow();

    # a file that was saved later, by its head
    my $child = hold('XLK');
    my $other_ms = 1 + unpack 'x32 q', slurp("$file.$child.tmp");
    wait_for('a millisecond went by', sub { 1000 * time >= $other_ms });
    substr($other, 32, 8) = pack 'q', $other_ms;
    spew($other);
    let_go($child);
    ok(slurp() eq $other, 'it gave up');

    wait_for('it is saved after all', sub { slurp() ne $other });

    # one by the master, after its worker has ended
    $child = hold('XLE');
    get('/api/SPY');
    is($nginx->stop, 0, 'stopped');
    my $last = slurp();
    let_go($child);
    ok(slurp() eq $last, 'it gave up again');

    # a file from the future is no reason
    start();
    get('/api/XLV');
    substr($other, 32, 8) = pack 'q', 1000 * time + 1e9;
    spew($other);
    is($nginx->stop, 0, 'stopped');
    start();
    is(get("/api/$_")->{cache}, 'hit', "$_ is there") for qw(XLK XLE SPY XLV);
    is($nginx->trouble, '', 'without trouble');
};


# A client sees the end of its connection when the last who has it closes it.
subtest 'a save under way holds no connection and is not begun twice' => sub {
    folder();
    start_slow(workers => 1);

    my $child = hold('XLK');
    my @open = grep { /:/ } map { readlink || '' } glob "/proc/$child/fd/*";
    my $sockets = join '|', inodes($nginx->{port});
    isnt($sockets, '', 'nginx has sockets');
    is_deeply([grep { /^socket:\[(?:$sockets)\]$/ } @open], [],
              'the child has none of them');

    get('/api/XLE');
    $nginx->wait_for_log(qr/process $child is still writing/);
    is_deeply([glob "$file*"], ["$file.$child.tmp"], 'one is writing');

    let_go($child);
    ok(-s $file, 'it has written');
    my $size = -s $file;
    wait_for('what was stored since is saved too', sub { -s $file > $size });
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'nor does one whose worker is gone save anything' => sub {
    folder();
    start_slow(workers => 1);
    my ($worker) = $nginx->workers;

    my $child = hold('XLK');
    kill 'KILL', $worker;
    $nginx->workers($worker);
    let_go($child);
    ok(!-e $file, 'it gave up');
    wait_for('its successor saves', sub { -s $file });
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble(qr/exited on signal 9/), '', 'and without trouble');
};


}


# Both have a timer that began with them, the old one's before the new one's.
subtest 'a worker on its way out leaves saving to the next' => sub {
    folder();
    my $other = "$dir/other.dump";

    start(workers => 1, script => 'gate');
    my ($old) = $nginx->workers;
    my $client = begin('/api/XLK');
    wait_for('it is under way', sub { $upstream->calls($key) == 1 });
    $upstream->release($key);
    is(finish($client)->{status}, 200, 'something is stored');

    $client = begin('/api/XLE');
    wait_for('another is under way', sub { $upstream->calls($key) == 2 });
    $nginx->reload(http(file => $other));
    wait_for('the new worker saves', sub { -s $other });

    ok(kill(0, $old), 'the old worker is still there');
    ok(!-e $file, 'and has saved nothing');
    $upstream->release($key);
    is(finish($client)->{status}, 200, 'its client is answered');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
};


subtest 'a disk that is full is a warning, and loses no older file' => sub {
    folder();
    plan skip_all => 'a small disk cannot be mounted here'
        if system("mount -t tmpfs -o size=64k,mode=0777 tmpfs $dir 2>/dev/null");

    my $before = saved();
    $key = '/p' . ++$number . '/';
    start(script => 'size:200000');
    is(get('/api/BIG')->{status}, 200, 'more than the disk has room for');
    is($nginx->stop, 0, 'it ends as it should');
    like($nginx->log, qr/\[warn\].*zone "sectors" is not saved/, 'a warning');
    is($nginx->trouble, '', 'nothing worse');
    ok(slurp() eq $before, 'the older file is whole');
    is_deeply([glob "$dir/*"], [$file], 'nothing is left beside it');

    is(system("umount $dir"), 0, 'unmounted');
};


subtest 'a test of the configuration neither loads nor saves' => sub {
    folder();
    my $before = saved();
    start();
    my $mtime = (stat $file)[9];
    is(system("$nginx->{binary} -t -q -p $nginx->{root}"
              . " -c $nginx->{root}/nginx.conf"), 0, 'tested');
    is((stat $file)[9], $mtime, 'not written');
};


undef $nginx;
done_testing;
