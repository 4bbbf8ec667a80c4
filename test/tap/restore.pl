# What becomes of the record when it moves: dump and restore into clusters with fewer and with more
# transactions behind them, into the same one, a promoted replica, pg_upgrade, a crash without
# synchronous commit. Each time nothing is lost, what comes next is sealed, and the chain goes on.

use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Firm;
use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = firm_node('old', 'max_wal_senders = 5', 'wal_level = replica');
my $folder = PostgreSQL::Test::Utils::tempdir;

# So many transactions go by.
sub age
{
    my ($node, $n) = @_;
    $node->safe_psql('postgres',
        "DO \$\$ BEGIN FOR i IN 1..$n LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END \$\$");
}

sub send_one
{
    my ($node, $database, $text) = @_;
    return $node->safe_psql($database,
        qq{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "$text"}') #>> '{result,message,id}'});
}

# It is time to warn of a wait, and of those before it, and the sealer has seen to it.
sub warns
{
    my ($node, $database, $wait) = @_;
    $node->safe_psql($database, "UPDATE onefin.wait SET warn_at = now() WHERE id <= $wait");
    $node->poll_query_until($database, "SELECT EXISTS (SELECT FROM onefin.journal WHERE kind = 'sla.warned' AND subject_id = $wait)")
      or die "nobody was warned of wait $wait of $database";
}

# All that is kept, in one line a table.
sub content
{
    my ($node, $database) = @_;
    return $node->safe_psql($database, $node->safe_psql($database,
        q{SELECT string_agg(format('SELECT %L, count(*), md5(string_agg(r::text, chr(10) ORDER BY r::text)) FROM onefin.%I r',
        relname, relname), ' UNION ALL ' ORDER BY relname)
        FROM pg_class WHERE relnamespace = 'onefin'::regnamespace AND relkind = 'r'
            AND relname NOT IN ('seal', 'access_change', 'login_failure', 'kpi_state')}));
}

# All that is sealed is in the figures.
sub figures_kept
{
    my ($node, $database) = @_;
    sealed($node, $database);
    $node->poll_query_until($database, 'SELECT seal = onefin.position() FROM onefin.kpi_state') or die 'the figures are not kept up';
}

# The sequences that would give an id that is taken.
sub stale_sequences
{
    my ($node, $database) = @_;
    return $node->safe_psql($database, $node->safe_psql($database,
        q{SELECT string_agg(format('SELECT %L WHERE nextval(%L) <= (SELECT max(id) FROM onefin.%I)', relname,
        'onefin.' || relname, replace(relname, '_id_seq', '')), ' UNION ALL ')
        FROM pg_class WHERE relnamespace = 'onefin'::regnamespace AND relkind = 'S'}));
}

sub chain { return $_[0]->safe_psql($_[1], 'SELECT number, hash, entries FROM onefin.seal ORDER BY number'); }

# What a moved record must do: all of it is there, it holds, and goes on; nothing of it comes again.
sub goes_on
{
    my ($node, $database, $content, $chain, $when) = @_;
    is(content($node, $database), $content, "$when: everything is there");
    like(chain($node, $database), qr/^\Q$chain\E/, "$when: the chain is as it was");
    my $position = $node->safe_psql($database, 'SELECT onefin.position()');
    send_one($node, $database, "after: $when");
    sealed($node, $database);
    send_one($node, $database, "and again: $when");
    is($node->safe_psql($database, q{SELECT has_table_privilege('onefin_analyst', 'onefin.department', 'SELECT')}), 't',
        "$when: rights are as they were");
    $node->safe_psql($database, "COMMENT ON TABLE onefin.setting IS 'after: $when'");
    is($node->safe_psql($database,
        "SELECT count(*) FROM onefin.journal WHERE kind = 'schema.changed' AND detail ->> 'statement' LIKE '%''after: $when%'"),
        1, "$when: what is changed in the schema is journaled");
    warns($node, $database, 2);
    is($node->safe_psql($database, q{SELECT subject_id, count(*) FROM onefin.journal WHERE kind = 'sla.warned' GROUP BY 1 ORDER BY 1}),
        "1|1\n2|1", "$when: the sealer warns of waits, each once, also of those it warned of before");
    record_holds($node, $database, $when);
    is( $node->safe_psql($database,
        "SELECT string_agg(event::jsonb #>> '{message,text}', ', ') FROM onefin.events($position) WHERE kind = 'message.sent' AND event::jsonb #>> '{message,text}' LIKE '%$when'"),
        "after: $when, and again: $when", "$when: what follows is told");
    like(chain($node, $database), qr/^\Q$chain\E/, "$when: the chain goes on from there");
    is(stale_sequences($node, $database), '', "$when: with new ids");
    figures_kept($node, $database);
    is($node->safe_psql($database, q{SELECT onefin.kpi_rebuild() -> 'wrong'}), 0, "$when: each seal is in the figures once");
}

# A firm with some of everything, in a database of its own.
$old->safe_psql('postgres', 'CREATE DATABASE firm');
age($old, 3000);
make_firm($old, 'firm');
$old->safe_psql(
    'firm', q{
    INSERT INTO onefin.account (login, name, role) VALUES ('acc', 'Acc', 'accountant');
    INSERT INTO onefin.assignment (org_id, account_id) SELECT 1, id FROM onefin.account WHERE login = 'acc';
    INSERT INTO onefin.session (account_id, token_hash, expires_at) SELECT id, sha256('acc'), 'infinity' FROM onefin.account WHERE login = 'acc';
    INSERT INTO onefin.policy (first_target, resolution_target) VALUES (864000e6, 864000e6);
    INSERT INTO onefin.calendar (name, time_zone) VALUES ('Office', 'Asia/Tashkent');
    INSERT INTO onefin.calendar_hours SELECT 1, d, '{09:00,13:00,14:00,18:00}' FROM generate_series(1, 6) d;
    INSERT INTO onefin.calendar_exception (calendar_id, day, name) VALUES (1, '2026-12-08', 'Constitution');
    INSERT INTO onefin.calendar_use (calendar_id) VALUES (1);
});
send_one($old, 'firm', "message $_") for 1 .. 5;
$old->safe_psql(
    'firm', q{
    SELECT onefin.call('w0', 'edit', '{"message": 1, "version": 1, "text": "edited"}'),
        onefin.call('w0', 'delete', '{"message": 2, "version": 1}');
    SELECT onefin.call('w0', 'read', '{"topic": 1, "message": 3}');
    SELECT onefin.file_end('w0', (r ->> 'document')::bigint, r ->> 'key', 1, 'a.pdf', 'application/pdf', 5,
        sha256('x')) FROM (SELECT onefin.file_begin('w0', 1, 'a.pdf') -> 'result' AS r) b;
    SELECT onefin.call('w0', 'send', '{"topic": 1, "documents": [1]}');
    INSERT INTO onefin.setting VALUES ('client_sees_versions', 'true');
    INSERT INTO onefin.session_policy VALUES ('client', 7, 'refuse', 60, 120);
    SELECT onefin.login('nobody', 'wrong', NULL, '192.0.2.1');
    INSERT INTO onefin.topic_kind VALUES (6, 'salary', '{"uz": "Oylik", "ru": "Зарплата", "en": "Salary"}');
    SELECT onefin.call('w0', 'send', '{"topic": 2, "text": "a question"}'), onefin.call('acc', 'send', '{"topic": 2, "text": "an answer"}'),
        onefin.call('acc', 'close', '{"topic": 2}');
    SELECT onefin.call('w0', 'rate', jsonb_build_object('ticket', (SELECT id FROM onefin.ticket WHERE topic_id = 2), 'score', 5));
    UPDATE onefin.department SET name = name;
    GRANT SELECT ON onefin.department TO onefin_analyst;
});
warns($old, 'firm', 1);
is($old->safe_psql('firm', 'SELECT count(*), count(ended_at), count(due_at), count(warned_at), count(calendar_id), (SELECT sum(score) FROM onefin.rating) FROM onefin.wait'),
    '4|2|4|1|4|5', 'waits, open and ended, one that was warned of, and a rating');
record_holds($old, 'firm', 'before');
figures_kept($old, 'firm');
my $content = content($old, 'firm');
my $chain = chain($old, 'firm');
my $settings = q{SELECT (SELECT value FROM onefin.setting_now WHERE name = 'client_sees_versions'),
    (SELECT to_jsonb(p) - 'role' FROM onefin.session_policy_now p WHERE role = 'client'),
    (SELECT count(*) > 0 FROM onefin.login_failure)};
my $kept = 'true|{"when_full": "refuse", "idle_minutes": 60, "max_sessions": 7, "lifetime_minutes": 120}|';
is($old->safe_psql('firm', $settings), $kept . 't', 'settings of its own, and a failed login');

# Dumped as README says, restored into a young cluster, into an old one, and beside itself.
command_ok([ 'pg_dump', '-Fc', '-f', "$folder/firm.dump", $old->connstr('firm') ], 'pg_dump');
command_ok([ 'pg_dump', '-f', "$folder/firm.sql", $old->connstr('firm') ], 'pg_dump as text');
my $young = firm_node('young');
my $aged = firm_node('aged');
age($aged, 10000);
cmp_ok($young->safe_psql('postgres', 'SELECT pg_current_xact_id()'), '<',
    $old->safe_psql('firm', 'SELECT max(xact::text::bigint) FROM onefin.journal'),
    'the young cluster is younger than the record');
for my $node ($young, $aged, $old)
{
    my $when = 'restored into ' . $node->name;
    $node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
    {
        local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
        command_ok([ 'pg_restore', '--single-transaction', '-d', $node->connstr('restored'),
            "$folder/firm.dump" ], $when);
    }
    goes_on($node, 'restored', $content, $chain, $when);
    is($node->safe_psql('restored', $settings), $kept . 'f', "$when: the settings hold, the failed login is left behind");
}
$young->safe_psql('postgres', 'CREATE DATABASE text TEMPLATE template0');
{
    local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
    command_ok([ 'psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $young->connstr('text'), '-f',
        "$folder/firm.sql" ], 'restored from text');
}
goes_on($young, 'text', $content, $chain, 'restored from text');

# Restored twice over: a dump of what was restored.
command_ok([ 'pg_dump', '-Fc', '-f', "$folder/again.dump", $young->connstr('restored') ],
    'pg_dump of the restored');
figures_kept($young, 'restored');
my ($content_again, $chain_again) = (content($young, 'restored'), chain($young, 'restored'));
$aged->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0');
{
    local $ENV{PGOPTIONS} = '-c session_replication_role=replica';
    command_ok([ 'pg_restore', '--single-transaction', '-d', $aged->connstr('again'),
        "$folder/again.dump" ], 'restored again');
}
goes_on($aged, 'again', $content_again, $chain_again, 'restored again');

# With triggers at work nothing is let in: said, not half done.
$young->safe_psql('postgres', 'CREATE DATABASE refused TEMPLATE template0');
command_fails([ 'pg_restore', '--single-transaction', '-d', $young->connstr('refused'), "$folder/firm.dump" ],
    'without session_replication_role: refused');

# A replica follows, and is promoted.
$old->backup('base');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($old, 'base', has_streaming => 1);
$replica->start;
send_one($old, 'firm', 'while the replica follows');
sealed($old, 'firm');
$old->wait_for_catchup($replica);
is($replica->safe_psql('firm', 'SELECT onefin.position()'), $old->safe_psql('firm', 'SELECT onefin.position()'),
    'the replica has the seals');
is($replica->safe_psql('firm', q{SELECT onefin.journal_verify() ->> 'ok'}), 'true', 'and can verify them');
is(sealer_pid($replica, 'firm'), '', 'it has no sealer');
figures_kept($old, 'firm');
$old->safe_psql('firm', 'CHECKPOINT'); # figures are committed without waiting for the disk
$old->wait_for_catchup($replica);
($content, $chain) = (content($old, 'firm'), chain($old, 'firm'));
$old->stop('immediate');
$replica->promote;
goes_on($replica, 'firm', $content, $chain, 'promoted');
$replica->stop;
$old->start;

# pg_upgrade, here to the same version.
sealed($old, 'firm');
figures_kept($old, 'firm');
($content, $chain) = (content($old, 'firm'), chain($old, 'firm'));
$old->stop;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(extra => ['--encoding=UTF8', '--locale=C.UTF-8']);
my $bin = $new->config_data('--bindir');
chdir $folder;
command_ok([ 'pg_upgrade', '--no-sync', '-b', $bin, '-B', $bin, '-d', $old->data_dir, '-D', $new->data_dir, '-s',
    $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
goes_on($new, 'firm', $content, $chain, 'upgraded');

# Writers that do not wait for their WAL: a crash may take the last of them, never an entry alone.
$new->append_conf('postgresql.conf', "synchronous_commit = off\nwal_writer_delay = 10s");
$new->reload;
for my $turn (1 .. 3)
{
    send_one($new, 'firm', "hasty $turn $_") for 1 .. 20;
    my $told = $new->safe_psql('firm', 'SELECT onefin.position()');
    $new->stop('immediate');
    $new->start;
    cmp_ok($new->safe_psql('firm', 'SELECT onefin.position()'), '>=', $told,
        "crash $turn: a seal that was told is there");
    record_holds($new, 'firm', "crash $turn");
}

done_testing();
