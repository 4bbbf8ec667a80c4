# A full notification queue. One session that listens and stays in a transaction keeps the queue from
# being emptied, for every database of the cluster. Then NOTIFY fails, and sealing goes on: seals are
# made and not told, followers find them by their own look, typing is forgotten, and it is said once.
# When the session is gone, seals are told again.
#
# The queue is filled for real. PostgreSQL 15 and 16 hold 8 GB; of those only the end is ever looked
# at here, so what is behind it is taken away as it is written.

use strict;
use warnings FATAL => 'all';
use File::Path qw(rmtree);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::RealBin;
use Firm;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = firm_node('queue');
my $memory = tempdir(-w '/dev/shm' ? (DIR => '/dev/shm') : (TMPDIR => 1));
my $queue = $node->data_dir . '/pg_notify';

$node->append_conf('postgresql.conf', 'max_notify_queue_pages = 64') if $node->pg_version >= 17;
$node->stop;
unlink glob "$queue/*";
rmdir $queue or die "rmdir: $!";
symlink $memory, $queue or die "symlink: $!";
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE firm');
make_firm($node, 'firm');
sealed($node, 'firm');
my $sealer = sealer_pid($node, 'firm');
is(send_one('before'), 'before', 'before: sent');

# One who listens, in another database, and stays in a transaction.
my $stuck = $node->background_psql('postgres');
my ($pid) = $stuck->query_safe('LISTEN elsewhere; BEGIN; SELECT pg_backend_pid()') =~ /(\d+)/;

my $error = fill();
like($error, qr/too many notifications in the NOTIFY queue/, 'the queue is full: NOTIFY fails');
cmp_ok($node->safe_psql('postgres', 'SELECT pg_notification_queue_usage()'), '>', 0.99, 'and says so');

for my $turn (1 .. 3)
{
    is(send_one("full $turn"), "full $turn", "full: a message is sent ($turn)");
    record_holds($node, 'firm', "full, $turn");
}
is($node->safe_psql('firm', q{SELECT onefin.call('w0', 'typing', '{"topic": 1}')}), '{"result": {}}', 'full: typing is no error');
is(sealer_pid($node, 'firm'), $sealer, 'full: the sealer is the same');
is( $node->safe_psql('firm', q{SELECT string_agg(event::jsonb #>> '{message,text}', ', ' ORDER BY seal, index)
        FROM onefin.events(0) WHERE kind = 'message.sent'}),
    'before, full 1, full 2, full 3', 'full: who follows by looking finds all');
is(said('WARNING', 'seals are made, and not told'), 1, 'full: it is said once');

# Gone: told again. What was not told is not told late; the next seal's number is enough.
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', 'SELECT pg_notification_queue_usage() < 0.5') or die 'the queue stays full';
my $heard = $node->safe_psql('firm', q{
    LISTEN onefin;
    SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "after"}') IS NULL;
    DO $$ BEGIN
        WHILE EXISTS (SELECT id FROM onefin.journal EXCEPT SELECT unnest(entries) FROM onefin.seal) LOOP PERFORM pg_sleep(0.01); END LOOP;
    END $$;
    SELECT pg_sleep(0.5);
    SELECT onefin.position()});
my ($told) = $heard =~ /Asynchronous notification "onefin" with payload "(\d+)"/;
is($told, $node->safe_psql('firm', 'SELECT onefin.position()'), 'after: the newest seal is told');
is(said('LOG', 'the notification queue has room again'), 1, 'after: that is said, too');
record_holds($node, 'firm', 'after');
$node->stop;
done_testing();

# Also after a failure, when the folders of a test are else kept: this one is memory.
END
{
    my $status = $?;
    $node->teardown_node if $node;
    rmtree($memory) if $memory;
    $? = $status;
}

sub send_one
{
    my ($text) = @_;
    return $node->safe_psql('firm',
        qq{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "$text"}') #>> '{result,message,text}'});
}

# Notifications of more than half a page take a page each. Returns the error that ended it.
sub fill
{
    for (1 .. 100)
    {
        my ($status, $out, $err) = $node->psql('postgres',
            q{SELECT count(pg_notify('filler', n || repeat('x', 4090))) FROM generate_series(1, 20000) n});
        return $err if $status;
        my @segments = sort glob "$memory/*";
        unlink @segments[ 0 .. $#segments - 2 ];
    }
    return 'never full';
}

sub said
{
    my ($level, $what) = @_;
    my @found = slurp_file($node->logfile) =~ /$level:  [^\n]*$what/g;
    return scalar @found;
}
