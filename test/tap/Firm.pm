# What the TAP tests share: servers with onefin preloaded, a small firm, and what must hold of the
# record at any time.
#
# The firm of a database: company Alfa with its five topics, and the clients w0 to w15, whose session
# tokens are their logins.

package Firm;

use strict;
use warnings FATAL => 'all';
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(firm_node make_firm sealed record_holds sealer_pid starts);

# A running server. TEMP_CONFIG, which `make check` sets, says where the extension is.
sub firm_node
{
    my ($name, @settings) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(extra => ['--encoding=UTF8', '--locale=C.UTF-8']);
    $node->append_conf('postgresql.conf', join("\n", 'restart_after_crash = on', @settings, ''));
    $node->start;
    return $node;
}

sub make_firm
{
    my ($node, $database) = @_;
    $node->safe_psql(
        $database, q{
        CREATE EXTENSION onefin;
        INSERT INTO onefin.org (name) VALUES ('Alfa');
        INSERT INTO onefin.account (login, name, role, org_id)
            SELECT 'w' || n, 'W' || n, 'client', 1 FROM generate_series(0, 15) n;
        INSERT INTO onefin.session (account_id, token_hash, expires_at)
            SELECT id, sha256(login::bytea), 'infinity' FROM onefin.account;
    });
}

# Waits until every entry is sealed.
sub sealed
{
    my ($node, $database) = @_;
    $node->poll_query_until($database,
        'SELECT count(*) = 0 FROM (SELECT id FROM onefin.journal EXCEPT SELECT unnest(entries) FROM onefin.seal) unsealed')
      or die "the journal of $database is not sealed";
}

# Every entry in exactly one seal, seals without a gap, the chain and all texts as they were sealed,
# every message in the journal and every version where it belongs.
sub record_holds
{
    my ($node, $database, $when) = @_;
    sealed($node, $database);
    is( $node->safe_psql(
            $database, q{
        SELECT 'entries sealed twice', count(*)
            FROM (SELECT FROM onefin.seal, unnest(entries) e GROUP BY e HAVING count(*) > 1) x
        UNION ALL SELECT 'sealed but not there', count(*) FROM onefin.seal, unnest(entries) e
            WHERE NOT EXISTS (SELECT FROM onefin.journal WHERE id = e)
        UNION ALL SELECT 'gaps', coalesce(max(number), 0) - count(*) FROM onefin.seal
        UNION ALL SELECT 'broken', count(*) FROM onefin.journal_verify() v WHERE NOT (v ->> 'ok')::boolean
        UNION ALL SELECT 'messages without an entry', count(*) FROM onefin.message m
            WHERE NOT EXISTS (SELECT FROM onefin.journal
                WHERE kind ~ '^message\.(sent|imported)$' AND subject_id = m.id)
        UNION ALL SELECT 'entries without a message', count(*) FROM onefin.journal j
            WHERE kind LIKE 'message.%' AND NOT EXISTS (SELECT FROM onefin.message WHERE id = j.subject_id)
        UNION ALL SELECT 'versions missing', count(*) FROM onefin.message m
            WHERE version - 1 <> (SELECT count(*) FROM onefin.message_version WHERE message_id = m.id)}
        ),
        join("\n",
            'entries sealed twice|0',
            'sealed but not there|0',
            'gaps|0',
            'broken|0',
            'messages without an entry|0',
            'entries without a message|0',
            'versions missing|0'),
        "$when: the record holds");
}

# The process that seals a database, or ''.
sub sealer_pid
{
    my ($node, $database) = @_;
    return $node->safe_psql('postgres',
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'onefin sealer' AND datname = '$database'");
}

# How often the server has started a process of this kind.
sub starts
{
    my ($node, $what) = @_;
    my @found = slurp_file($node->logfile) =~ /starting background worker process "$what/g;
    return scalar @found;
}

1;
