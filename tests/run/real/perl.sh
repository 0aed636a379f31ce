cat >t.pl <<'PERL'
use strict;
use warnings;
use File::Temp;
use IO::Socket::INET;
use POSIX;
use Time::HiRes qw(sleep);
my $child = fork;
if (!$child) { exit 3 }
waitpid $child, 0;
die if $? >> 8 != 3;
IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
my $file = File::Temp->new;
chmod 0600, $file->filename or die;
sleep 0.01;
system("true") == 0 or die;
print "perl ok\n";
PERL
perl t.pl
