# Scripts of extensions and the journal of schema changes: an update of onefin itself is one entry, not
# one for each of its statements; what another extension's script does to onefin is told.

use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Firm;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::RecursiveCopy;
use PostgreSQL::Test::Utils;
use Test::More;

# A copy of what is installed, with two more scripts.
my $folder = PostgreSQL::Test::Utils::tempdir;
my ($root) = slurp_file($ENV{TEMP_CONFIG}) =~ /extension_destdir = '(.*)'/;
PostgreSQL::Test::RecursiveCopy::copypath($root, "$folder/root");
my ($share, $library) = map { "$folder/root" . (qx(pg_config --$_) =~ s/\n//r) } qw(sharedir pkglibdir);
my $scripts = "$share/extension";
my ($version) = slurp_file("$scripts/onefin.control") =~ /default_version = '(.*)'/;
append_to_file("$scripts/onefin--$version--next.sql", q{
    ALTER TABLE onefin.setting ADD COLUMN note text;
    ALTER TABLE onefin.journal RENAME COLUMN detail TO details;
    ALTER TABLE onefin.journal RENAME COLUMN details TO detail;
    CREATE FUNCTION onefin.newer() RETURNS integer LANGUAGE sql RETURN 1;
    DROP FUNCTION onefin.wake_sealer();
    GRANT SELECT ON onefin.setting TO onefin_analyst;
    ALTER ROLE onefin_analyst RESET ALL;
});
append_to_file("$scripts/stranger.control", "default_version = '1'\nschema = 'public'\n");
append_to_file("$scripts/stranger--1.sql", q{
    CREATE TABLE public.theirs (id bigint);
    GRANT SELECT ON onefin.journal TO PUBLIC;
    DROP TRIGGER z_audit ON onefin.department;
});

my $node = firm_node('scripts', "extension_destdir = '$folder/root'", "dynamic_library_path = '$library:\$libdir'");
make_firm($node, 'postgres');
sub told
{
    return $node->safe_psql('postgres', q{SELECT concat_ws(' ', detail ->> 'command', detail ->> 'identity', detail ->> 'in_extension')
        FROM onefin.journal WHERE kind = 'schema.changed' ORDER BY id});
}

is(told(), '', 'CREATE EXTENSION tells nothing of itself');
$node->safe_psql('postgres', "ALTER EXTENSION onefin UPDATE TO 'next'");
is(told(), 'ALTER EXTENSION onefin', 'an update is one entry');
like($node->safe_psql('postgres', q{SELECT detail ->> 'statement' FROM onefin.journal WHERE kind = 'schema.changed'}),
    qr/UPDATE TO 'next'/, 'which says to what');
is($node->safe_psql('postgres', 'SELECT onefin.newer()'), 1, 'it was done');
is($node->safe_psql('postgres', q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "updated"}') ? 'result'}), 't',
    'and all goes on');

# The trigger is a member of nothing: even another extension may drop it, and is told of.
$node->safe_psql('postgres', 'CREATE EXTENSION stranger');
is(told(), "ALTER EXTENSION onefin\nGRANT onefin.journal true\nDROP TRIGGER z_audit on onefin.department true",
    "another extension's doings are told");
$node->safe_psql('postgres', 'DROP EXTENSION stranger');
is(told(), "ALTER EXTENSION onefin\nGRANT onefin.journal true\nDROP TRIGGER z_audit on onefin.department true",
    'its end is its own affair');
record_holds($node, 'postgres', 'after scripts');

# DROP EXTENSION takes all with it, and can be taken back.
$node->safe_psql('postgres', 'BEGIN; DROP EXTENSION onefin; CREATE TABLE between (id bigint); ROLLBACK');
record_holds($node, 'postgres', 'dropped and taken back');
$node->safe_psql('postgres', 'DROP EXTENSION onefin');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_namespace WHERE nspname ~ '^onefin'}), 0, 'dropped');
$node->stop;
done_testing();
