# The newest hash goes into the server's log on a schedule.

use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Firm;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = firm_node('anchor', 'onefin.anchor_interval = 1');
$node->safe_psql('postgres', 'CREATE DATABASE firm');
make_firm($node, 'firm');

# The anchors of the log so far: number of the seal => hash.
sub anchors
{
    return slurp_file($node->logfile) =~ /onefin anchor: database \d+ seal (\d+) hash ([0-9a-f]{64})/g;
}

# Sends, and waits for an anchor of a seal that was not there before.
sub anchored
{
    my ($text) = @_;
    my $position = $node->safe_psql('firm', 'SELECT onefin.position()');
    $node->safe_psql('firm', "SELECT onefin.call('w0', 'send', '{\"topic\": 1, \"text\": \"$text\"}')");
    sealed($node, 'firm');
    for (1 .. 600)
    {
        my %anchors = anchors();
        my ($number) = grep { $_ > $position } keys %anchors;
        return ($number, $anchors{$number}) if $number;
        select undef, undef, undef, 0.1;
    }
    die 'no anchor comes';
}

my ($first, $hash) = anchored('salom');
is($node->safe_psql('firm', "SELECT encode(hash, 'hex') FROM onefin.seal WHERE number = $first"),
    $hash, 'the anchor is the hash of its seal');
my ($second) = anchored('yana');
cmp_ok($second, '>', $first, 'the next one comes when there is something new');

# Without anything new there is nothing to anchor; switched off by a reload, there is no more.
my $before = () = anchors();
$node->append_conf('postgresql.conf', 'onefin.anchor_interval = 0');
$node->reload;
$node->safe_psql('firm', q{SELECT onefin.call('w0', 'send', '{"topic": 1, "text": "unanchored"}')});
sealed($node, 'firm');
sleep 3;
my $after = () = anchors();
is($after, $before, 'switched off: no more anchors');

my ($status, $out, $err) = $node->psql('postgres', "SET onefin.made_up = 1");
like($err, qr/invalid configuration parameter name "onefin.made_up"/, 'settings that are none are refused');

done_testing();
