# Crashes at the worst moments of sealing, each made to happen by holding the sealer where it is: after
# entries were committed and before it looked; within its transaction, with a seal written and not yet
# committed; within its warnings. Whatever was committed is there afterwards, sealed once, and the chain goes on.

use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Firm;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = firm_node('crash', 'fsync = on');
$node->safe_psql('postgres', 'CREATE DATABASE firm');
make_firm($node, 'firm');

sub send_one
{
    my ($text) = @_;
    return $node->safe_psql('firm',
        qq{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "$text"}') #>> '{result,message,text}'});
}

sub position { return $node->safe_psql('firm', 'SELECT onefin.position()') }
sub chain { return $node->safe_psql('firm', 'SELECT number, hash, entries FROM onefin.seal ORDER BY number') }

# A sealer that does nothing from here on: it is stopped while it waits for work.
sub hold_sealer
{
    sealed($node, 'firm');
    $node->poll_query_until('postgres', "SELECT wait_event_type = 'Extension' FROM pg_stat_activity
        WHERE backend_type = 'onefin sealer' AND datname = 'firm'") or die 'the sealer does not rest';
    my $pid = sealer_pid($node, 'firm');
    kill 'STOP', $pid or die "cannot stop the sealer: $!";
    return $pid;
}

# All processes of the server at once, as by a power cut; the sealer may be stopped.
sub power_cut
{
    my ($sealer) = @_;
    my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
    kill 'STOP', $postmaster;
    kill 'KILL', $sealer;
    $node->kill9;
    for (1 .. 300)
    {
        last if $node->start(fail_ok => 1);
        $node->stop('fast', fail_ok => 1);    # forgets the attempt
        select undef, undef, undef, 0.1;
    }
}

my %crash = (
    'the sealer is killed' => sub {
        kill 'KILL', $_[0];                   # the server restarts its processes
        for (1 .. 1800)                       # by -c: psql that finds no server reads no stdin, and breaks the pipe
        {
            return if run_log([ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', 'SELECT' ]);
            select undef, undef, undef, 0.1;
        }
        die 'the server does not come back';
    },
    'the server is stopped in a hurry' => sub { $node->stop('immediate'); $node->start },
    'the machine dies' => \&power_cut);

# Between commit and seal.
for my $how (sort keys %crash)
{
    my $sealer = hold_sealer();
    my ($position, $chain) = (position(), chain());
    is(send_one("$how: $_"), "$how: $_", "$how: committed ($_)") for 1 .. 3;
    $node->safe_psql('firm', q{
        BEGIN; SELECT onefin.call('w1', 'send', '{"topic": 2, "text": "kept"}'); SAVEPOINT s;
        SELECT onefin.call('w1', 'send', '{"topic": 2, "text": "taken back"}'); ROLLBACK TO s; COMMIT});
    is(position(), $position, "$how: and not sealed");
    $crash{$how}->($sealer);
    record_holds($node, 'firm', "$how between commit and seal");
    cmp_ok(position(), '>', $position, "$how: sealed after it");
    like(chain(), qr/^\Q$chain\E/, "$how: on the chain that was");
    is($node->safe_psql('firm', "SELECT count(*) FROM onefin.message WHERE text LIKE '$how: _'"), 3, "$how: nothing is lost");
    is($node->safe_psql('firm', "SELECT count(*) FROM onefin.events($position) WHERE kind = 'message.sent'"), 4,
        "$how: and all is told, once");
}

# Within the sealer's transaction: it has read what is new and waits to write.
for my $how (sort keys %crash)
{
    sealed($node, 'firm');
    my ($position, $chain) = (position(), chain());
    my $holder = $node->background_psql('firm', on_error_stop => 0);
    $holder->query_safe('BEGIN; LOCK TABLE onefin.seal IN SHARE ROW EXCLUSIVE MODE');
    send_one("within, $how");
    $node->poll_query_until('firm', q{SELECT count(*) = 1 FROM pg_locks
        WHERE relation = 'onefin.seal'::regclass AND NOT granted}) or die 'the sealer does not come to its seal';
    $crash{$how}->(sealer_pid($node, 'firm'));
    record_holds($node, 'firm', "$how within the sealing");
    is(position(), $position + 1, "$how: one seal came of it");
    like(chain(), qr/^\Q$chain\E/, "$how: on the chain that was, within");
}

# Within a warning: waits are marked, and their entries are yet to be written.
for my $how (sort keys %crash)
{
    my $told = q{SELECT count(*) FROM onefin.journal WHERE kind = 'sla.warned'};
    my $before = $node->safe_psql('firm', $told);
    my $holder = $node->background_psql('firm', on_error_stop => 0);
    $holder->query_safe('BEGIN; LOCK TABLE onefin.journal IN SHARE ROW EXCLUSIVE MODE');
    my $waits = $node->safe_psql('firm',
        'WITH u AS (UPDATE onefin.wait SET warned_at = NULL, warn_at = now() WHERE ended_at IS NULL RETURNING 1) SELECT count(*) FROM u');
    $node->poll_query_until('firm', q{SELECT count(*) = 1 FROM pg_locks
        WHERE relation = 'onefin.journal'::regclass AND NOT granted}) or die 'the sealer does not come to its warnings';
    $crash{$how}->(sealer_pid($node, 'firm'));
    $node->poll_query_until('firm', 'SELECT count(*) = 0 FROM onefin.wait WHERE warn_at <= now() AND warned_at IS NULL')
      or die 'nobody is warned';
    cmp_ok($waits, '>', 1, "$how within a warning: of some waits");
    is($node->safe_psql('firm', $told) - $before, $waits, "$how within a warning: of each once");
    record_holds($node, 'firm', "$how within a warning");
}

# A crash before a transaction is over: it is as if it had never been.
{
    sealed($node, 'firm');
    my $entries = $node->safe_psql('firm', 'SELECT count(*) FROM onefin.journal');
    my $writer = $node->background_psql('firm', on_error_stop => 0);
    $writer->query_safe(q{BEGIN; SELECT onefin.call('w2', 'send', '{"topic": 3, "text": "never"}')});
    $node->stop('immediate');
    $node->start;
    is($node->safe_psql('firm', 'SELECT count(*) FROM onefin.journal'), $entries, 'uncommitted: no entry is left');
    send_one('afterwards');
    record_holds($node, 'firm', 'uncommitted');
}

$node->stop;
done_testing();
