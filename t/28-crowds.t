# Many clients, two workers, and a provider that refuses: who sets the pace of
# calls.  It was the clients, whose 2 820 requests for one stale key made 2 820
# calls in a second and a half, and 4 MB of error log in five.
#
# SECTOR_CROWD_SECONDS is how long each crowd asks; without it, the first one
# for 3 s and the others for 1.

use strict;
use warnings;

use lib 't/lib';
use Ending ();
use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);
use Upstream qw(get begin finish wait_for pass_ttl scaled);

my $upstream = Upstream->new;
my $up = '127.0.0.1:' . $upstream->port;
my $number = 0;
my ($nginx, $key);


# $sector_cache_symbol is what "script" says, but BAD what "bad" says.
sub start {
    my (%option) = (zone => 'ttl=1ms stale=1h', source => 'hold=1s',
                    script => 'ok',
                    bad => 'ok', format => 'sector', api => '', @_);

    $key = '/c' . ++$number . '/';
    $nginx = Upstream::Nginx->new(workers => 2, connections => 4096,
                                  http => <<"END");
sector_cache_zone sectors 1m $option{zone};
sector_cache_source up retries=0 timeout=8s $option{source};
map \$sector_cache_symbol \$script {
    default $option{script};
    BAD $option{bad};
}
keepalive_requests 1000000;
server {
    listen %PORT%;
    %PID%
    location /api {
        sector_cache_api;
        sector_cache_unknown_symbols accept;
        sector_cache_fetch up /fetch/\$script/\$sector_cache_symbol
                           format=$option{format};
        add_header X-Worker \$pid always;
        $option{api}
    }
    location /fetch/ {
        internal;
        rewrite ^/fetch/([^/]+)/(.*)\$ /\$1$key\$2 break;
        proxy_pass http://$up;
    }
    location /status {
        sector_cache_status;
    }
    location /admin {
        sector_cache_admin;
        sector_cache_admin_key off;
    }
}
END
}


sub source { return get('/status/stats')->{json}{sources}{up} }
sub calls { return $upstream->calls($key . ($_[0] || '')) }


# So many clients, a part of them in each of some processes, ask again and
# again for some seconds.  Returns { "STATUS DETAIL" => how many }, and of all
# of them how many "requests".
sub crowd {
    my ($clients, $seconds, @paths) = @_;
    my $until = time + scaled($ENV{SECTOR_CROWD_SECONDS} || $seconds);
    my @parts = map { part($clients / 4, $until, @paths) } 1 .. 4;
    my %sum;

    for my $part (@parts) {
        local $/;
        my $in = $part->{in};
        my $told = JSON::PP::decode_json(<$in> || '{"lost":1}');

        $sum{$_} += $told->{$_} for keys %$told;
        waitpid $part->{pid}, 0;
    }

    return \%sum;
}


sub part {
    my ($clients, $until, @paths) = @_;

    pipe my $in, my $out or die "pipe: $!";
    my $pid = Ending::beside(sub {
        my @all = map { begin('/pid', keep => 1) } 1 .. $clients;
        my %told;

        finish($_) for @all;

        while (time < $until) {
            my $path = $paths[rand @paths];

            begin($path, keep => $_) for @all;

            for my $got (map { finish($_) } @all) {
                my ($detail) = ($got->{headers}{'cache-status'} || '')
                               =~ /detail=(\w+)/;
                my $kind = join ' ', $got->{status},
                                     $got->{code} || $got->{cache},
                                     $detail || ();

                $told{requests}++;
                $told{$kind}++;
            }
        }

        print $out JSON::PP::encode_json(\%told);
        close $out;
    });

    close $out;

    return { pid => $pid, in => $in };
}


# The lines of the log that an operator is to look at.
sub lines {
    return scalar(() = $nginx->log =~ /\[(?:warn|error|crit|alert|emerg)\]/g);
}


# What each worker answers, one after the other, so often.
sub of_both {
    my ($path, $times) = @_;
    my @workers = $nginx->workers;
    my @clients = map { $nginx->of_another($_) } @workers;

    return map { my $client = $_; finish(begin($path, keep => $client)) }
           (@clients) x $times;
}


sub ended_well {
    wait_for('nothing is in flight', sub { !source()->{inFlight} });
    is(source()->{waiting}, 0, 'nothing waits');
    is($nginx->stop, 0, 'nginx ended well');
    is($nginx->trouble, '', 'and without trouble');
}


subtest 'a key waits at all workers' => sub {
    start(script => 'status:403', source => 'hold=1h max_hold=1h');
    my @got = of_both('/api/XLK', 25);
    my %worker = map { $_->{headers}{'x-worker'} => 1 } @got;

    is(scalar(keys %worker), 2, 'both were asked');
    is(scalar(grep { "$_->{status} $_->{code}" eq '502 UPSTREAM_ERROR' } @got),
       50, 'all say the same');
    is(scalar(grep { ($_->{headers}{'retry-after'} || 0) > 3000 }
              @got[1 .. 49]), 49, 'with Retry-After');
    is(calls(), 1, 'one call');
    is(source()->{held}, 49, 'held');
    ended_well();
};


subtest 'with stale data as well, and it ends at all of them' => sub {
    start(script => 'ok,status:403,ok', source => 'hold=1h max_hold=1h');
    my ($good) = of_both('/api/XLK', 1);
    pass_ttl();
    my @got = of_both('/api/XLK', 25);

    is(scalar(grep { $_->{cache} eq 'stale' && $_->{data} eq $good->{data} }
              @got), 50, 'stale');
    my $calls = calls();
    cmp_ok($calls, '<=', 3, 'calls');
    is(get('/admin/refresh?symbols=XLK', method => 'POST')->{status}, 200,
       'an operator has it fetched');
    pass_ttl();
    is($_->{cache}, 'miss', 'fetched') for (of_both('/api/XLK', 1))[0];
    ended_well();
};


subtest 'a wait outlives a reload' => sub {
    start(script => 'status:403', source => 'hold=1h max_hold=1h');
    get('/api/XLK');
    $nginx->reload;
    is($_->{code}, 'UPSTREAM_ERROR', 'its error') for of_both('/api/XLK', 3);
    is(calls(), 1, 'one call');
    ended_well();
};


for my $case (
    ['401', 'ok,status:401', 'UPSTREAM_ERROR', 3],
    ['400', 'ok,status:400', 'UPSTREAM_ERROR', 1],
    ['a page', 'ok,html', 'UPSTREAM_INVALID', 1],
    ['"no such symbol"', 'ok,nosuch', 'UNKNOWN_SYMBOL', 1],
) {
    my ($name, $script, $detail, $seconds) = @$case;

    subtest "a thousand clients of a stale key that gets $name" => sub {
        start(script => $script);
        is(get('/api/XLK')->{status}, 200, 'a good answer');
        pass_ttl();
        my $told = crowd(1000, $seconds, '/api/XLK');
        my $requests = delete $told->{requests};

        cmp_ok($requests, '>=', 1000, "$requests requests");
        # in ten seconds it may fail as often as opens the breaker
        is(join(', ', grep { !/^200 stale (?:$detail|\w+_CIRCUIT_OPEN)$/ }
                      keys %$told), '', 'all are stale, and say why');
        ok($told->{"200 stale $detail"}, 'which is what failed');
        cmp_ok(calls(), '<=', 10, 'calls: ' . calls());
        cmp_ok(calls(), '>=', 2, 'but more than one');
        cmp_ok(lines(), '<', 20, 'lines of the log: ' . lines());

        # those that come at the same moment are held together
        my $source = source();
        cmp_ok($source->{held} + $source->{coalesced}, '>=', $requests - 10,
               'held');
        ended_well();
    };
}


subtest 'a thousand clients of a key that nothing is known of' => sub {
    start(script => 'status:402');
    my $told = crowd(1000, 1, '/api/XLK');
    my $requests = delete $told->{requests};

    cmp_ok($requests, '>=', 1000, "$requests requests");
    is(join(', ', sort keys %$told), '502 UPSTREAM_ERROR UPSTREAM_ERROR',
       'all get its error');
    cmp_ok(calls(), '<=', 10, 'calls: ' . calls());
    cmp_ok(lines(), '<', 20, 'lines of the log: ' . lines());
    ended_well();
};


subtest 'a crowd that asks for one bad symbol among good ones' => sub {
    start(bad => 'status:500', zone => 'ttl=1h stale=1h');
    my @good = map { "/api/X$_" } 1 .. 4;

    is(get($_)->{status}, 200, "$_ is well") for @good;
    my $told = crowd(200, 1, @good, '/api/BAD');
    delete $told->{requests};

    is(join(', ', sort keys %$told),
       '200 hit, 502 UPSTREAM_ERROR UPSTREAM_ERROR', 'none is worse off');
    is(source()->{breaker}{state}, 'closed', 'the breaker is closed');
    is(source()->{breaker}{opened}, 0, 'and always was');
    cmp_ok(calls('BAD'), '<=', 10, 'calls for it');
    is(calls() - calls('BAD'), 4, 'and for the others');
    cmp_ok(lines(), '<', 20, 'lines of the log: ' . lines());
    ended_well();
};


done_testing();
