#!/usr/bin/env perl
#
# misc/check-grafana.pl [--list] [TOP]
#
# The dashboard contrib/grafana/sector-cache.json shows what there is: its
# queries are PromQL, have metrics of the code only, and no variable but its
# own.  promtool reads the queries where it is installed; Grafana's variables
# are replaced by what they could stand for.
#
# With --list, prints each query so, behind its panel's title and a tab.

use strict;
use warnings;

use File::Temp ();
use FindBin;
use JSON::PP ();
use lib $FindBin::Bin;
use CSource;
use Metrics;


my $list = @ARGV && $ARGV[0] eq '--list' && shift;
my $top = shift || "$FindBin::Bin/..";
my $path = 'contrib/grafana/sector-cache.json';
my $errors = 0;


sub complain {
    print "check-grafana: @_\n";
    $errors++;
}


my $dashboard = eval { JSON::PP->new->decode(slurp("$top/$path")) };

if (!$dashboard) {
    complain("$path: $@");
    exit 1;
}

my $series = series_of(metrics("$top/ngx_sector_cache_module"));
my %variables = map { $_->{name} => $_ } @{ $dashboard->{templating}{list} };


# A query as Prometheus gets it.
sub filled_in {
    my ($where, $query) = @_;

    $query =~ s/\$__(?:rate_interval|interval|range)\b/5m/g;
    $query =~ s/\$(\w+)/variable($where, $1)/ge;
    $query =~ s/\s+/ /g;

    return $query;
}


sub variable {
    my ($where, $name) = @_;

    complain("$where: there is no variable \"$name\"")
        unless $variables{$name};

    return '.+';
}


sub look_at {
    my ($where, $query) = @_;

    complain("$where: the code has no metric \"$_\"")
        for strangers($query, $series);

    complain("$where: it has no metric of ours")
        unless $query =~ /\bsector_cache_/;
}


for (values %variables) {
    next unless $_->{type} eq 'query';
    my $where = "variable \"$_->{name}\"";

    look_at($where, filled_in($where, $_->{query}{query}));
}

my (%ids, @queries, @places);

for my $panel (@{ $dashboard->{panels} }) {
    my $where = "panel \"$panel->{title}\"";
    my ($x, $y, $w, $h) = @{ $panel->{gridPos} }{qw(x y w h)};

    complain("$where: another one has its id") if $ids{ $panel->{id} }++;

    complain("$where: it overlaps \"$_->[0]\"")
        for grep { $x < $_->[3] && $_->[1] < $x + $w
                   && $y < $_->[4] && $_->[2] < $y + $h } @places;

    push @places, [ $panel->{title}, $x, $y, $x + $w, $y + $h ];

    next if $panel->{type} eq 'row';

    complain("$where: no query") unless @{ $panel->{targets} || [] };
    complain("$where: no description") unless $panel->{description};

    for my $target (@{ $panel->{targets} }) {
        complain("$where: another data source than the variable's")
            if $target->{datasource}{uid} ne '${datasource}';

        my $query = filled_in($where, $target->{expr});

        look_at($where, $query);
        push @queries, [ $panel->{title}, $query ];
    }
}

if ($list) {
    binmode STDOUT, ':encoding(UTF-8)';
    print map { "$_->[0]\t$_->[1]\n" } @queries;
    exit($errors ? 1 : 0);
}


# Rules are YAML, and JSON is YAML.

my $promtool = tool('promtool');

if ($promtool) {
    my $file = File::Temp->new(SUFFIX => '.yml');
    my $n = 0;

    print $file JSON::PP->new->canonical->utf8->encode({ groups => [ {
        name => 'dashboard',
        rules => [ map { { record => 'query:' . ++$n, expr => $_->[1],
                           labels => { panel => $_->[0] } } } @queries ],
    } ] });
    close $file;

    my $words = promtool($promtool, 'check', 'rules', $file->filename);

    complain("promtool says:\n$words") if $words;
}

exit 1 if $errors;

printf "check-grafana: ok, %d queries%s\n", scalar @queries,
       $promtool ? '' : ', unread: promtool is not installed';
