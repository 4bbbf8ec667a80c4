# Passwords, tokens and people's words do not reach the server's log, whatever is logged: not with a
# call that succeeds, not with one that is refused, not with one that fails before it begins. The
# calls are made as the gateway makes them: by its role, with parameters of the protocol.

use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Firm;
use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = firm_node('secrets', "shared_preload_libraries = 'onefin, auto_explain'", 'log_statement = all',
    'log_min_duration_statement = 0', 'log_min_error_statement = debug5', 'log_duration = on',
    'log_parameter_max_length = -1', 'log_parameter_max_length_on_error = -1', 'log_lock_waits = on');
make_firm($node, 'postgres');
$node->safe_psql('postgres', q{
    ALTER ROLE onefin_gateway LOGIN;
    CREATE ROLE loud LOGIN IN ROLE onefin_gateway;
    SET log_statement = none; SET log_min_duration_statement = -1;
    UPDATE onefin.account SET password_hash = onefin.password_hash('correct-horse') WHERE login = 'w0';
    SELECT onefin.create_admin('boss', 'correct-horse', 'Boss');
    INSERT INTO onefin.session (account_id, token_hash, expires_at) VALUES (17, sha256('boss-token'), 'infinity');
});

# One call with bound parameters ($1, $2 ...), which pgbench makes of its variables. Returns what was logged.
sub logged
{
    my ($user, $protocol, $statement, %values) = @_;
    my $from = -s $node->logfile;
    my $script = PostgreSQL::Test::Utils::tempdir . '/call.sql';
    append_to_file($script, "$statement;\n");
    run(['pgbench', '-n', '-t', 1, '-M', $protocol, '-f', $script, (map { ('-D', "$_=$values{$_}") } keys %values),
        '-h', $node->host, '-p', $node->port, '-U', $user, 'postgres'], '>', \my $out, '2>', \my $err);
    unlink $script;
    $node->safe_psql('postgres', 'SELECT 1'); # what came before it is written by now
    return slurp_file($node->logfile, $from);
}

my $login = q{SELECT onefin.login('w0', :secret, :secret, :address)};
my $call = q{SELECT onefin.call(:token, :method, :params, :address)};
my @cases = (
    [ 'login', $login, secret => 'correct-horse', address => '10.0.0.1' ],
    [ 'login refused', $login, secret => 'secret-wrong', address => '10.0.0.1' ],
    [ 'login with a bad address', $login, secret => 'correct-horse', address => 'nowhere' ],
    [ 'call', $call, token => 'w0', method => 'send', params => '{"topic": 1, "text": "secret-words"}',
        address => '10.0.0.1' ],
    [ 'call with an unknown token', $call, token => 'secret-token', method => 'me', params => '{}',
        address => '10.0.0.1' ],
    [ 'call with a wrong parameter', $call, token => 'w0', method => 'send',
        params => '{"topic": "secret-topic"}', address => '10.0.0.1' ],
    [ 'a new password', $call, token => 'boss-token', method => 'accounts',
        params => '{"id": 2, "password": "secret-password"}', address => '10.0.0.1' ],
    [ 'a new password against a rule', $call, token => 'boss-token', method => 'accounts',
        params => '{"login": "x", "role": "client", "name": "x", "password": "secret-password"}',
        address => '10.0.0.1' ],
    [ 'my new password', $call, token => 'boss-token', method => 'change_password',
        params => '{"old": "correct-horse", "new": "correct-horse"}', address => '10.0.0.1' ],
    [ 'my new password refused', $call, token => 'boss-token', method => 'change_password',
        params => '{"old": "secret-old", "new": "secret-new"}', address => '10.0.0.1' ],
    [ 'malformed JSON', $call, token => 'w0', method => 'send', params => '{"topic": 1, "text": "secret-words"',
        address => '10.0.0.1' ],
    [ 'JSON with a zero character', $call, token => 'boss-token', method => 'accounts',
        params => '{"id": 2, "password": "secret-password\u0000"}', address => '10.0.0.1' ],
    [ 'a number beyond all', $call, token => 'w0', method => 'send',
        params => '{"text": "secret-words", "topic": 1e999999}', address => '10.0.0.1' ],
    [ 'bytes that are no UTF-8', $call, token => 'secret-token', method => 'me',
        params => "{\"x\": \"secret-words\xff\"}", address => '10.0.0.1' ]);

# What a server may be told to log, each as much as it goes.
my %loud = (
    'as it is set up' => { log_error_verbosity => 'default', log_min_messages => 'warning' },
    'debug1' => { log_error_verbosity => 'default', log_min_messages => 'debug1' },
    'debug5, verbose' => { log_error_verbosity => 'verbose', log_min_messages => 'debug5' },
    'plans' => { log_error_verbosity => 'verbose', log_min_messages => 'debug1', debug_print_parse => 'on',
        debug_print_rewritten => 'on', debug_print_plan => 'on', 'auto_explain.log_min_duration' => '0',
        'auto_explain.log_nested_statements' => 'on', 'auto_explain.log_verbose' => 'on' });
# As text, and as PostgreSQL prints the bytes of a constant.
my $secret = join '|', map { my $word = $_; (quotemeta($word), join(' ', map { ord } split(//, $word))) }
    'correct-horse', 'secret-', 'boss-token';

sub be_loud
{
    my ($settings) = @_;
    $node->safe_psql('postgres', join('', map { "ALTER SYSTEM SET $_ = $settings->{$_};\n" } sort keys %$settings));
    $node->reload;
    my $all = join(' AND ', map { "current_setting('$_') = '$settings->{$_}'" } keys %$settings);
    $node->poll_query_until('postgres', "SELECT $all") or die 'the settings do not come';
}

for my $how (sort keys %loud)
{
    be_loud($loud{$how});
    for my $protocol ('extended', 'prepared')
    {
        for my $case (@cases)
        {
            my ($what, $statement, %values) = @$case;
            my $log = logged('onefin_gateway', $protocol, $statement, %values);
            like($log, qr/SELECT onefin\.(login|call)\(.*\$1/, "$what ($protocol, $how): it was logged");
            unlike($log, qr/$secret/, "$what ($protocol, $how): without what is secret");
        }
    }
    # So that the above means something: another role's parameters are all there, in this way as well.
    like(logged('loud', 'extended', $cases[0][1], @{ $cases[0] }[ 2 .. $#{ $cases[0] } ]), qr/$secret/,
        "by another role it is all there ($how)");
}

# Plans and auto_explain by themselves give them away where nothing else does.
$node->safe_psql('postgres', 'ALTER ROLE loud SET log_parameter_max_length = 0');
my $plans = logged('loud', 'extended', $cases[0][1], @{ $cases[0] }[ 2 .. $#{ $cases[0] } ]);
like($plans, qr/Output: onefin.login\(.*correct-horse/, 'by another role auto_explain tells');
like($plans, qr/constvalue [^\n]*99 111 114 114 101 99 116/, 'by another role plans tell');

done_testing();
