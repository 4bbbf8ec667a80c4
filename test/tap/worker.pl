# The launcher and the sealers: where they run, when they idle, when they make way.

use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Firm;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = firm_node('worker', 'log_min_messages = debug1', 'max_prepared_transactions = 5',
    'max_worker_processes = 20');

sub database_oid { return $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = '$_[0]'"); }

# A reload wakes the launcher for a look at all databases. When it has started a sealer for a new
# one, it has looked at the others as well.
sub launcher_looks
{
    my ($turn) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE look$turn");
    $node->reload;
    my $oid = database_oid("look$turn");
    $node->wait_for_log(qr/starting background worker process "onefin sealer of database $oid"/);
    $node->safe_psql('postgres', "DROP DATABASE look$turn");
}

# Preloaded, no extension: a sealer comes, finds nothing, goes and is not tried again.
my $idle = database_oid('postgres');
launcher_looks($_) for 1 .. 3;
is(starts($node, "onefin sealer of database $idle\""), 1, 'without the extension: started once');
is(sealer_pid($node, 'postgres'), '', 'without the extension: none stays');
unlike(slurp_file($node->logfile), qr/^\S+ \S+ \S+ \[\d+\] (WARNING|ERROR|FATAL|PANIC)/m,
    'without the extension: nothing to complain of');

# Two databases, each with a sealer and an order of its own.
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(one two);
make_firm($node, $_) for qw(one two);
$node->safe_psql($_, q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "salom"}')}) for qw(one one two);
record_holds($node, $_, "two databases: $_") for qw(one two);
isnt(sealer_pid($node, 'one'), sealer_pid($node, 'two'), 'each has its sealer');
is($node->safe_psql('two', 'SELECT count(*) FROM onefin.journal WHERE kind = \'message.sent\''), 1,
    'and its own journal');

# DROP EXTENSION: the sealer ends; CREATE EXTENSION: another comes, also when there was no time to end.
for my $turn (1 .. 6)
{
    $node->safe_psql('one', 'DROP EXTENSION onefin');
    $node->poll_query_until('postgres',
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'onefin sealer' AND datname = 'one'")
      or die 'the sealer stays without its extension'
      if $turn % 2;
    make_firm($node, 'one');
    sealed($node, 'one');
}
$node->safe_psql('one', q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "salom"}')});
record_holds($node, 'one', 'dropped and created again');

# A prepared transaction is sealed once committed, and no earlier; others do not wait for it, but in its topic.
$node->safe_psql('one', q{
    BEGIN; SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "prepared"}'); PREPARE TRANSACTION 'p';
    BEGIN; SELECT onefin.call('w0', 'send', '{"topic": 2, "text": "taken back"}'); PREPARE TRANSACTION 'q';
    SELECT onefin.call('w1', 'send', '{"topic": 3, "text": "meanwhile"}');
});
sealed($node, 'one');
$node->restart;
$node->safe_psql('one', q{COMMIT PREPARED 'p'; ROLLBACK PREPARED 'q'});
record_holds($node, 'one', 'prepared');
is( $node->safe_psql('one', q{SELECT string_agg(m.text, ' ' ORDER BY s.number, e.place) FROM onefin.seal s,
    unnest(s.entries) WITH ORDINALITY e (id, place)
        JOIN onefin.journal j USING (id) JOIN onefin.message m ON m.id = j.subject_id WHERE j.kind = 'message.sent'}),
    'salom meanwhile prepared', 'prepared: sealed in the order of commits');

# COMMIT PREPARED wakes the sealer. By its own look, a second after its last, each turn would take that second.
my $turn = q{
    BEGIN; SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "prepared"}'); PREPARE TRANSACTION 'p';
    COMMIT PREPARED 'p';
    DO $$ BEGIN
        WHILE EXISTS (SELECT id FROM onefin.journal EXCEPT SELECT unnest(entries) FROM onefin.seal) LOOP
            PERFORM pg_sleep(0.005);
        END LOOP;
    END $$;
};
my $from = time;
$node->safe_psql('one', $turn x 12);
cmp_ok(time - $from, '<', 6, 'prepared: sealed at once when it is committed, not at the next look');
# Where there is no extension, nobody is woken by it, and no sealer is started.
my $tries = starts($node, 'onefin sealer');
$node->safe_psql('postgres', q{BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'p'; COMMIT PREPARED 'p'; DROP TABLE t});
launcher_looks(4);
is(starts($node, 'onefin sealer') - $tries, 1, 'prepared elsewhere: no sealer is started for it');

# Databases are dropped, copied, renamed while their sealers run.
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE one');
$node->safe_psql($_, q{SELECT onefin.call('w2', 'send',
    '{"topic": 1, "text": "after the copy"}')}) for qw(one copy);
record_holds($node, $_, "copied: $_") for qw(copy one);
is($node->safe_psql('copy', 'SELECT hash FROM onefin.seal WHERE number = 1'),
    $node->safe_psql('one', 'SELECT hash FROM onefin.seal WHERE number = 1'),
    'the copy continues the chain of the original');
$node->safe_psql('postgres', 'ALTER DATABASE copy RENAME TO renamed');
mkdir $node->basedir . '/space';
$node->safe_psql('postgres', "CREATE TABLESPACE space LOCATION '" . $node->basedir . "/space'");
$node->safe_psql('postgres', 'ALTER DATABASE renamed SET TABLESPACE space');
$node->safe_psql('renamed', q{SELECT onefin.call('w2', 'send', '{"topic": 1, "text": "renamed"}')});
record_holds($node, 'renamed', 'renamed and moved');
$node->safe_psql('postgres', 'DROP DATABASE renamed');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'renamed'"), 0,
    'dropped with its sealer at work');

# By force, with somebody connected and entries not yet sealed.
$node->safe_psql('postgres', 'CREATE DATABASE forced TEMPLATE one');
my $guest = $node->background_psql('forced', on_error_stop => 0);
$guest->query_safe(q{BEGIN; SELECT onefin.call('w2', 'send', '{"topic": 1, "text": "open"}')});
$node->safe_psql('forced', q{SELECT onefin.call('w3', 'send', '{"topic": 2, "text": "committed"}')});
$node->safe_psql('postgres', 'DROP DATABASE forced WITH (FORCE)');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'forced'"), 0, 'dropped by force');

# Whoever may not drop a database does not stop its sealer by trying.
my $sealer = sealer_pid($node, 'two');
$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN CREATEDB');
for my $statement ('DROP DATABASE two', 'ALTER DATABASE two RENAME TO mine', 'CREATE DATABASE mine TEMPLATE two',
    'ALTER DATABASE two SET TABLESPACE space')
{
    my ($status, $out, $err) = $node->psql('postgres', $statement, extra_params => [ '-U', 'stranger' ]);
    like($err, qr/permission denied|must be owner/, "refused: $statement");
}
is(sealer_pid($node, 'two'), $sealer, 'and the sealer stays');

# A sealer that fails again and again is started again and again, but not at every turn of the
# processor; when the cause is gone it goes on.
my $oid = database_oid('two');
$node->safe_psql('two', 'ALTER TABLE onefin.seal RENAME TO hidden');
my $before = starts($node, "onefin sealer of database $oid\"");
$node->safe_psql('two', q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "while it fails"}')});
$node->wait_for_log(qr/ERROR:  relation "onefin.seal" does not exist/);
sleep 4;
cmp_ok(starts($node, "onefin sealer of database $oid\"") - $before, '<', 10,
    'failing: a few tries in four seconds, not hundreds');
$node->safe_psql('two', 'ALTER TABLE onefin.hidden RENAME TO seal');
record_holds($node, 'two', 'after the failure');

# It ends sessions that have expired: one that starts does so at once.
$node->safe_psql('two', 'UPDATE onefin.session SET expires_at = now() WHERE id = 3');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . sealer_pid($node, 'two') . ')');
$node->poll_query_until('two', q{SELECT count(*) = 1 FROM onefin.journal WHERE kind = 'session.ended' AND subject_id = 3})
  or die 'the expired session does not end';
record_holds($node, 'two', 'a session expired');

# Ended by hand, it comes back.
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . sealer_pid($node, 'two') . ')');
$node->safe_psql('two', q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "terminated"}')});
record_holds($node, 'two', 'terminated');

# Not preloaded: CREATE EXTENSION says what to do.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE bare');
my ($status, $out, $err) = $node->psql('bare', 'CREATE EXTENSION onefin');
like($err, qr/onefin is not in shared_preload_libraries.*\n.*HINT:  Add onefin to shared_preload_libraries and restart the server/s,
    'not preloaded: CREATE EXTENSION refuses');
is($node->safe_psql('bare', "SELECT count(*) FROM pg_extension WHERE extname = 'onefin'"), 0,
    'and leaves nothing');
# Where the extension is there already, all is done but the sealing, which is made up for later.
my $position = $node->safe_psql('two', 'SELECT onefin.position()');
is($node->safe_psql('two', q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "not preloaded"}') ? 'result'}), 't',
    'not preloaded: calls are answered');
$node->safe_psql('two', q{UPDATE onefin.department SET name = 'x'; COMMENT ON TABLE onefin.setting IS 'not preloaded'});
is($node->safe_psql('two', q{SELECT detail ->> 'identity' FROM onefin.journal ORDER BY id DESC LIMIT 1}), 'onefin.setting',
    'not preloaded: the journal is written');
is($node->safe_psql('two', 'SELECT onefin.position()'), $position, 'not preloaded: nothing is sealed');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'onefin'");
$node->restart;
$node->safe_psql('two', q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "preloaded again"}')});
record_holds($node, 'two', 'preloaded again');

done_testing();
