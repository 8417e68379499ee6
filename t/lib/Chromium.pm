package Chromium;

# A headless Chromium, spoken to by its DevTools protocol over two pipes: so
# that a test sees what a person would, and nothing else need be installed.
#
#     my $browser = Chromium->start or plan skip_all => Chromium::why();
#     my $page = $browser->page(width => 360);
#     $page->visit('http://127.0.0.1:8080/');
#     $page->wait_for('text is there', q{document.title !== ''});
#
# The process is ended by its id, its folder removed.

use strict;
use warnings;

use Carp ();
use Fcntl qw(F_DUPFD);
use File::Temp ();
use IO::Select;
use JSON::PP ();
use MIME::Base64 ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->allow_nonref;
my $why = '';


sub why { return $why }


sub binary {
    for my $name ($ENV{CHROMIUM} || (), qw(chromium chromium-browser
                                           google-chrome))
    {
        for my $dir ('', map { "$_/" } split /:/, $ENV{PATH}) {
            return "$dir$name" if "$dir$name" =~ m{/} && -x "$dir$name";
        }
    }

    return;
}


# Nothing if there is none, or it does not start; why() says which.
sub start {
    my ($class) = @_;
    my $binary = binary();

    if (!$binary) {
        $why = 'there is no chromium (Debian: apt install chromium)';
        return;
    }

    my $self = bless { owner => $$, id => 0, in => '', pages => {},
                       dir => File::Temp->newdir('sector-chromium-XXXXXX',
                                                 TMPDIR => 1) }, $class;

    pipe my $its_input, my $to or die "pipe: $!";
    pipe my $from, my $its_output or die "pipe: $!";

    $self->{pid} = fork;
    die "cannot fork: $!" unless defined $self->{pid};

    if ($self->{pid} == 0) {
        # it reads from 3 and writes to 4; what these are now may be either
        my @free = map { fcntl $_, F_DUPFD, 10 } $its_input, $its_output;

        POSIX::dup2($free[0], 3);
        POSIX::dup2($free[1], 4);
        POSIX::setsid();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$self->{dir}/stderr";
        $ENV{HOME} = "$self->{dir}";
        exec $binary, '--headless', '--no-sandbox', '--disable-gpu',
             '--disable-dev-shm-usage', '--no-first-run', '--hide-scrollbars',
             '--disable-background-networking', '--disable-component-update',
             '--disable-sync', '--no-proxy-server', '--lang=en',
             "--user-data-dir=$self->{dir}/profile", '--remote-debugging-pipe',
             'about:blank'
            or POSIX::_exit(127);
    }

    close $its_input;
    close $its_output;
    $self->{to} = $to;
    $self->{from} = $from;
    $to->autoflush(1);

    my $version = eval { $self->call('Browser.getVersion') };

    if (!$version) {
        $why = "chromium does not start: $@";
        return;
    }

    return $self;
}


sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);

    return unless $self->{pid} && $$ == $self->{owner};

    # it is the leader of a group of its own, with all of its processes
    kill 'TERM', $self->{pid};

    for (1 .. 100) {
        last if waitpid($self->{pid}, POSIX::WNOHANG()) > 0;
        kill 'KILL', -$self->{pid} if $_ == 50;
        sleep 0.05;
    }

    kill 'KILL', -$self->{pid};
    $self->{pid} = 0;
}


# One message, or nothing if none comes in time.
sub next_message {
    my ($self, $until) = @_;

    while (index($self->{in}, "\0") < 0) {
        my $left = $until - time;

        return if $left <= 0
                  || !IO::Select->new($self->{from})->can_read($left);
        sysread $self->{from}, $self->{in}, 65536, length $self->{in}
            or Carp::croak('chromium has gone');
    }

    my ($text, $rest) = split /\0/, $self->{in}, 2;
    $self->{in} = $rest;

    return $json->decode($text);
}


# Calls a method and returns its result; events that come meanwhile are noted.
sub call {
    my ($self, $method, $parameters, $session) = @_;
    my $id = ++$self->{id};
    my $until = time + 60;

    local $SIG{PIPE} = 'IGNORE';
    print { $self->{to} } $json->encode({
        id => $id, method => $method, params => $parameters || {},
        $session ? (sessionId => $session) : () }), "\0";

    while (my $message = $self->next_message($until)) {
        if (($message->{id} || 0) == $id) {
            Carp::croak("$method: $message->{error}{message}")
                if $message->{error};
            return $message->{result};
        }

        $self->note($message);
    }

    Carp::croak("$method: no answer");
}


sub note {
    my ($self, $message) = @_;
    my $page = $self->{pages}{ $message->{sessionId} || '' } or return;

    push @{ $page->{events} }, $message;
}


# A new page.  Options: width, height, dark, touch.
sub page {
    my ($self, %option) = @_;

    my $target = $self->call('Target.createTarget', { url => 'about:blank' });
    my $session = $self->call('Target.attachToTarget', {
        targetId => $target->{targetId}, flatten => JSON::PP::true });
    my $page = bless { browser => $self, session => $session->{sessionId},
                       target => $target->{targetId}, events => [] },
                     'Chromium::Page';

    $self->{pages}{ $page->{session} } = $page;
    $page->call("$_.enable") for qw(Page Runtime Log Network);
    $page->call('Page.addScriptToEvaluateOnNewDocument', { source => <<'JS' });
        window.violations = [];
        document.addEventListener('securitypolicyviolation', e =>
            window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
JS
    $page->look(%option);

    return $page;
}


package Chromium::Page;

use Time::HiRes qw(sleep time);


sub call {
    my ($self, $method, $parameters) = @_;

    return $self->{browser}->call($method, $parameters, $self->{session});
}


# How wide and high the window is, and whether its user likes it dark.
sub look {
    my ($self, %option) = @_;

    $self->call('Emulation.setDeviceMetricsOverride', {
        width => $option{width} || 1200, height => $option{height} || 900,
        deviceScaleFactor => 1, mobile => JSON::PP::false });
    $self->call('Emulation.setEmulatedMedia', { features => [
        { name => 'prefers-color-scheme',
          value => $option{dark} ? 'dark' : 'light' } ] });
}


sub visit {
    my ($self, $url) = @_;

    $self->call('Page.navigate', { url => $url });
    $self->wait_for("$url is loaded",
                    q{location.href !== 'about:blank'
                      && document.readyState === 'complete'});
}


# The value of an expression, which may be a promise.
sub evaluate {
    my ($self, $expression) = @_;

    my $result = $self->call('Runtime.evaluate', {
        expression => $expression, returnByValue => JSON::PP::true,
        awaitPromise => JSON::PP::true });

    if (my $e = $result->{exceptionDetails}) {
        Carp::croak("$expression: "
                    . ($e->{exception}{description} || $e->{text}));
    }

    return $result->{result}{value};
}


# Waits until an expression is true, which is a test, and returns it.
sub wait_for {
    my ($self, $title, $expression, $seconds) = @_;
    my $until = time + ($seconds || 20) * ($ENV{TEST_NGINX_USE_VALGRIND} ? 5
                                                                         : 1);
    my $value;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    until ($value = eval { $self->evaluate($expression) }) {
        last if time > $until;
        sleep 0.05;
    }

    Test::More::ok($value, $title)
        or Test::More::diag("in vain: $expression", $@ ? ": $@" : '',
                            "\nthe page has: ", $self->text);

    return $value;
}


sub text {
    my $text = $_[0]->evaluate('document.body.innerText');

    utf8::encode($text);
    return $text;
}


# Presses and releases a key, by its name and code.
sub press {
    my ($self, $key, $code) = @_;
    my %key = (key => $key, code => $key, windowsVirtualKeyCode => $code);

    $key{text} = $key eq 'Enter' ? "\r" : ' ' if $key =~ /^(?:Enter| )$/;

    $self->call('Input.dispatchKeyEvent', { type => 'keyDown', %key });
    $self->call('Input.dispatchKeyEvent', { type => 'keyUp', %key });
}


# The events of a kind so far, their parameters.
sub events {
    my ($self, $method) = @_;

    $self->evaluate('1');

    return map { $_->{params} } grep { $_->{method} eq $method }
           @{ $self->{events} };
}


# All of the page, as a PNG.
sub screenshot {
    my ($self, $file) = @_;

    my $shot = $self->call('Page.captureScreenshot', {
        format => 'png', captureBeyondViewport => JSON::PP::true });

    open my $out, '>:raw', $file or die "$file: $!";
    print $out MIME::Base64::decode_base64($shot->{data});
    close $out or die "$file: $!";
}


1;
