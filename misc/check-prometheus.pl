#!/usr/bin/env perl
#
# misc/check-prometheus.pl [TOP]
#
# The alerts of contrib/prometheus: their metrics are the code's, each has a
# test in which it fires and one in which it does not and a row in README.md;
# where promtool is installed, it reads the rules and runs the tests.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use CSource;
use Metrics;


my $top = shift || "$FindBin::Bin/..";
my $rules = "$top/contrib/prometheus/sector-cache.rules.yml";
my $tests = "$top/contrib/prometheus/sector-cache.test.yml";
my $errors = 0;


sub complain {
    print "check-prometheus: @_\n";
    $errors++;
}


# A file without what is for people.
sub text_of {
    my $text = slurp($_[0]);

    $text =~ s/^\s*(?:#|summary:|description:).*\n//mg;

    return $text;
}


my $series = series_of(metrics("$top/ngx_sector_cache_module"));
my ($text, $tested) = map { text_of($_) } $rules, $tests;

complain("the code has no metric \"$_\"") for strangers($text, $series);

complain("the code has no metric \"$_\", of a test")
    for strangers($tested, $series);

my $readme = slurp("$top/README.md");
my @alerts = $text =~ /^\s*- alert: (\w+)$/mg;

complain('there are no alerts') unless @alerts;

for my $alert (@alerts) {
    my $case = qr/^\s*alertname: \Q$alert\E\n\s*exp_alerts:/m;

    complain("no test has \"$alert\" fire") unless $tested =~ /$case\n/;
    complain("no test has \"$alert\" silent") unless $tested =~ /$case \[\]\n/;
    complain("README.md lacks \"$alert\"") unless $readme =~ /^\| `$alert` \|/m;
}

my $promtool = tool('promtool');

if ($promtool) {
    for (['check', 'rules', $rules], ['test', 'rules', $tests]) {
        my $words = promtool($promtool, @$_);

        complain("promtool says:\n$words") if $words;
    }
}

exit 1 if $errors;

printf "check-prometheus: ok, %d alerts%s\n", scalar @alerts,
       $promtool ? '' : ', not run: promtool is not installed';
