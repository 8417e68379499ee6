package Keeper;

# Who has the key: stores and removes entries, forces breakers, throws the kill
# switch, refreshes, and does all of that wrongly, at random.

use strict;
use warnings;

use JSON::PP ();
use Signed qw(make_sector);
use Time::HiRes qw(sleep time);
use Upstream qw(get);


sub new {
    my ($class, %option) = @_;

    return bless {
        pause => 0.15, %option, deaths => 0,
        told => { map { $_ => {} } qw(answers wrong) },
    }, $class;
}


# A request, of which the answers that are right are said.
sub ask {
    my ($self, $method, $path, $right, %option) = @_;

    my $got = get("/admin$path", method => $method,
                  headers => [ 'X-API-Key: ' . ($option{key} || $self->{key}) ],
                  body => $option{body});
    my $code = $got->{code} || '';
    my $first = $path =~ m{^(/\w*)} ? $1 : $path;

    # 0: its worker was killed
    $self->{told}{answers}{"$method $first $got->{status} $code"}++;
    $self->{told}{wrong}{"$method $first answered $got->{status} $code"}++
        unless $got->{status} =~ /^(?:$right)$/ && $got->{json}
               || !$got->{status} && $self->{deaths};

    return $got;
}


# Leaves all as it was found: the caches work, the breakers are free.
sub free {
    my ($self, @what) = @_;

    for my $what (@what ? @what : qw(enabled up chart odd)) {
        my ($path, $body) = $what eq 'enabled'
            ? ('/enabled', '{"enabled":true}')
            : ("/breaker/$what", '{"state":"auto"}');

        for (1 .. 50) {
            last if $self->ask('PUT', $path, 200, body => $body)->{status};
            sleep 0.05;
        }
    }
}


# Until $$stop, while workers are killed.
sub run {
    my ($self, $stop) = @_;
    my $owner = getppid;

    # in a process of its own: what came before, the other one tells
    $self->{told} = { map { $_ => {} } qw(answers wrong) };
    $self->{deaths} = 1;

    until ($$stop || getppid != $owner) {
        $self->act;
        sleep rand 2 * $self->{pause};
    }

    $self->free;

    return $self->{told};
}


sub act {
    my ($self) = @_;
    my @symbols = @{ $self->{symbols} };
    my $symbol = $symbols[rand @symbols];
    my $dice = rand;

    if ($dice < 0.25) {
        $self->ask('PUT', "/sectors/$symbol" . (rand() < 0.3 ? '?ttl=1s' : ''),
                   '200|507', body => make_sector($symbol, 'good',
                                                  int rand 2000));

    } elsif ($dice < 0.35) {
        my %some = map { $_ => 1 } map { $symbols[rand @symbols] } 1 .. 6;

        $self->ask('PUT', '/sectors', '200|507', body => '{'
                   . join(',', map { qq("$_":) . make_sector($_, 'good') }
                               sort keys %some) . '}');

    } elsif ($dice < 0.40) {
        my @all = map { make_sector($_, 'good') } @symbols;

        $self->ask('PUT', '/snapshot', '200|507', body =>
                   '{"benchmark":' . pop(@all) . ',"sectors":['
                   . join(',', @all) . ']}');

    } elsif ($dice < 0.55) {
        $self->ask('DELETE', "/sectors/$symbol", 200);

    } elsif ($dice < 0.62) {
        $self->ask('DELETE', (qw(/sectors /snapshots /full /))[rand 4], 200);

    } elsif ($dice < 0.70) {
        my $source = (qw(up chart odd))[rand 3];
        my $state = rand() < 0.5 ? 'open' : 'closed';

        $self->ask('PUT', "/breaker/$source", 200,
                   body => qq({"state":"$state"}));
        sleep rand 0.4;
        $self->free($source);

    } elsif ($dice < 0.73) {
        # while nothing is kept each fetches for itself
        $self->{weather}->control('each');
        $self->ask('PUT', '/enabled', 200, body => '{"enabled":false}');
        sleep rand 0.4;
        $self->free('enabled');
        $self->{weather}->control('shared');

    } elsif ($dice < 0.85) {
        $self->ask('POST', '/refresh?symbols=' . ($symbol =~ s/&/%26/gr)
                           . ",$symbols[0]",
                   '200|404|502|503|504');

    } elsif ($dice < 0.90) {
        $self->ask('DELETE', '/', 401, key => 'wrong');

    } else {
        $self->ask('PUT', "/sectors/$symbol", 400,
                   body => ('{"symbol"', '[]', '{"symbol":"OTHER","price":1}',
                            qq({"symbol":"$symbol"}))[rand 4]);
    }
}


1;
