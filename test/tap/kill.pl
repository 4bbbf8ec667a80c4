# Kills everything that can be killed under the feet of writers, and counts afterwards.
#
# Eight writers send through onefin.call, each message under a client_key of its own, and note what
# was acknowledged; what was not they send again under the same key when the server is back. All the
# while the sealer, a writer's backend, and the whole server are killed by SIGKILL. In the end every
# acknowledged message is there once, and every entry of the journal is in one seal.

use strict;
use warnings;
use File::Temp;
use IPC::Run;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $writers = 8;
my $messages = 150;    # a writer
my $batch = 10;        # messages of one psql
my $acks = File::Temp->newdir;

my $node = PostgreSQL::Test::Cluster->new('kill');
$node->init(extra => ['--encoding=UTF8', '--locale=C.UTF-8']);
$node->append_conf('postgresql.conf', "fsync = on\nrestart_after_crash = on\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE firm');
$node->safe_psql('firm', "CREATE EXTENSION onefin; SELECT onefin.create_admin('boss', 'kill test', 'Boss')");

# One company and client a writer; a line "token topic" for each.
my @members = split /\n/, $node->safe_psql('firm', <<'SQL' =~ s/WRITERS/$writers/r);
CREATE TEMP TABLE member (line text);
DO $$
DECLARE
    boss text := onefin.login('boss', 'kill test') -> 'result' ->> 'token';
    org jsonb;
BEGIN
    FOR n IN 1 .. WRITERS LOOP
        org := onefin.call(boss, 'orgs', jsonb_build_object('name', 'Company ' || n)) -> 'result' -> 'org';
        PERFORM onefin.call(boss, 'accounts', jsonb_build_object('login', 'client' || n, 'name', 'Client ' || n,
            'role', 'client', 'org', org -> 'id', 'password', 'kill test'));
        INSERT INTO member VALUES (concat_ws(' ', onefin.login('client' || n, 'kill test') -> 'result' ->> 'token',
            org -> 'topics' -> 0 ->> 'id'));
    END LOOP;
END
$$;
SELECT line FROM member;
SQL
is(scalar @members, $writers, 'the firm is made');

sub key_of { return sprintf('%08d-0000-4000-8000-%012d', @_) }

# Sends the messages from..to of a writer; returns the keys that were acknowledged.
sub send_batch {
    my ($writer, $token, $topic, $from, $to) = @_;
    my $sql = join '', map {
        my $key = key_of($writer, $_);
        "SELECT onefin.call('$token', 'send', '{\"topic\": $topic, \"text\": \"$_\", \"client_key\": \"$key\"}')"
          . " -> 'result' -> 'message' ->> 'client_key';\n"
    } $from .. $to;
    my ($out, $err) = ('', '');

    open my $file, '>', "$acks/$writer.sql" or die $!;
    print $file $sql;
    close $file;
    IPC::Run::run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('firm'), '-f', "$acks/$writer.sql"],
        '>', \$out, '2>', \$err);
    return grep { /^\d{8}-/ } split /\n/, $out;
}

sub write_all {
    my ($writer, $token, $topic) = @_;
    my $next = 1;
    my $failures = 0;

    open my $log, '>', "$acks/$writer" or die $!;
    while ($next <= $messages) {
        my $last = $next + $batch - 1 < $messages ? $next + $batch - 1 : $messages;
        my @acknowledged = send_batch($writer, $token, $topic, $next, $last);

        print $log "$_\n" for @acknowledged;
        $next += @acknowledged;
        next if @acknowledged;
        die "the server does not come back" if ++$failures > 600;
        sleep 0.1;
    }
    close $log;
}

my @pids;
for my $writer (1 .. $writers) {
    my $pid = fork // die $!;
    if ($pid == 0) {
        eval { write_all($writer, split / /, $members[$writer - 1]) };
        POSIX::_exit($@ ? 1 : 0);
    }
    push @pids, $pid;
}

END { kill 'TERM', @pids if @pids }
sub running { return grep { waitpid($_, POSIX::WNOHANG()) == 0 } @pids }

# The pid that a query finds, or nothing while the server is down or recovers.
sub find_pid {
    my ($query) = @_;
    my ($out, $err) = ('', '');

    IPC::Run::run(['psql', '-XqAt', '-d', $node->connstr('firm'), '-c', $query], '>', \$out, '2>', \$err);
    return $out =~ /^(\d+)/ ? $1 : undef;
}

my %query = (
    sealer => "SELECT pid FROM pg_stat_activity WHERE backend_type = 'onefin sealer' AND datname = 'firm'",
    launcher => "SELECT pid FROM pg_stat_activity WHERE backend_type = 'onefin launcher'",
    writer => "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
      . " AND query LIKE 'SELECT onefin.call%' LIMIT 1");
my %killed = (sealer => 0, launcher => 0, writer => 0, server => 0);
my $turn = 0;

while (@pids = running()) {
    my $what = (qw(sealer writer server launcher))[$turn++ % 4];

    sleep 0.2;
    if ($what eq 'server') {
        $node->kill9;
        # Its children go by themselves, and hold its memory until then.
        for my $try (1 .. 300) {
            last if $node->start(fail_ok => 1);
            sleep 0.1;
            $node->stop('fast', fail_ok => 1); # forgets the attempt
        }
        $killed{server}++;
    } else {
        my $pid;
        # What was killed before may still be coming back.
        sleep 0.1 until $pid = find_pid($query{$what}) or not @pids = running();
        $killed{$what}++ if $pid and kill 'KILL', $pid;
    }
}
note join ', ', map { "$_ killed $killed{$_} times" } sort keys %killed;
cmp_ok($killed{$_}, '>', 0, "the $_ was killed") for sort keys %killed;

my @acknowledged = map { split /\n/, slurp_file("$acks/$_") } 1 .. $writers;
is(scalar @acknowledged, $writers * $messages, 'every message was acknowledged in the end');

ok($node->poll_query_until('firm', <<'SQL'), 'all is sealed');
SELECT (SELECT count(*) FROM onefin.journal) = (SELECT sum(cardinality(entries)) FROM onefin.seal)
SQL
is($node->safe_psql('firm', 'SELECT count(*), count(DISTINCT client_key) FROM onefin.message'),
    join('|', $writers * $messages, $writers * $messages),
    'every acknowledged message is there, and there once');
is($node->safe_psql('firm', <<'SQL'), 't', 'in the order in which each writer sent them');
SELECT bool_and(right(client_key::text, 12)::bigint = place) FROM (
    SELECT client_key, row_number() OVER (PARTITION BY topic_id ORDER BY id) AS place FROM onefin.message) m
SQL
is($node->safe_psql('firm', 'SELECT count(*) FROM (SELECT unnest(entries) FROM onefin.seal GROUP BY 1 HAVING count(*) > 1) s'),
    '0', 'no entry is sealed twice');
is($node->safe_psql('firm', 'SELECT count(*) = max(number) FROM onefin.seal'), 't', 'seal numbers have no gap');
is($node->safe_psql('firm', "SELECT onefin.journal_verify() ->> 'ok'"), 'true', 'the chain of seals holds');

$node->stop;
done_testing();
