#!/usr/bin/perl
# Mail::DKIM's opinions and signatures, without the network.
#
# One JSON document per line in, one per line out, in the same order. "raw" and "fields" are base64, "txt" is {"name": "TXT"}:
#   {"do": "sign", "raw", "key": {"domain", "selector", "pem"}, "canon", "headers"?}    -> {"fields"}
#   {"do": "verify", "raw", "txt"}                      -> {"signatures": [{"selector", "result", "reason"}]}
#   {"do": "arc-seal", "raw", "key", "id", "cv", "time"}                                -> {"fields"}
#   {"do": "arc-verify", "raw", "txt"}                                                  -> {"cv", "reason"}
# What it dies of is {"error"}.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use Net::DNS;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Mail::DKIM::ARC::Signer;
use Mail::DKIM::ARC::Verifier;

my %txt;
{
  no warnings 'redefine';
  *Mail::DKIM::DNS::query = sub {
    my ($name, $type) = @_;
    $name = lc $name;
    $name =~ s/\.$//;
    $@ = 'NXDOMAIN';
    return unless $type eq 'TXT' && exists $txt{$name};
    return Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => [$txt{$name} =~ /(.{1,200})/gs]);
  };
}

sub fed {
  my ($engine, $raw) = @_;
  $engine->PRINT(decode_base64($raw));
  $engine->CLOSE;
  return $engine;
}

sub key_of {
  my ($pem) = @_;
  $pem =~ s/^---.*$//mg;
  $pem =~ s/\s+//g;
  return Mail::DKIM::PrivateKey->load(Data => $pem);
}

my %tasks = (
  'sign' => sub {
    my ($in) = @_;
    my $policy = sub {
      my ($signer) = @_;
      $signer->add_signature(Mail::DKIM::Signature->new(
        Algorithm => 'rsa-sha256', Method => $in->{canon}, Headers => $in->{headers} // $signer->headers, Domain => $in->{key}{domain},
        Selector => $in->{key}{selector}, Key => key_of($in->{key}{pem}), Timestamp => time));
      return;
    };
    my $signer = fed(Mail::DKIM::Signer->new(Policy => $policy), $in->{raw});
    return {fields => encode_base64($signer->signature->as_string . "\r\n", '')};
  },
  'verify' => sub {
    my $verifier = fed(Mail::DKIM::Verifier->new, $_[0]{raw});
    return {signatures => [map { {selector => $_->selector, result => $_->result, reason => $_->result_detail} } $verifier->signatures]};
  },
  'arc-seal' => sub {
    my ($in) = @_;
    my $signer = fed(Mail::DKIM::ARC::Signer->new(
      Algorithm => 'rsa-sha256', Domain => $in->{key}{domain}, SrvId => $in->{id}, Selector => $in->{key}{selector},
      Key => key_of($in->{key}{pem}), Chain => $in->{cv}, Timestamp => $in->{time}), $in->{raw});
    die $signer->{details} . "\n" if $signer->result ne 'sealed';
    return {fields => encode_base64(join("\r\n", $signer->as_strings) . "\r\n", '')};
  },
  'arc-verify' => sub {
    my $verifier = fed(Mail::DKIM::ARC::Verifier->new, $_[0]{raw});
    return {cv => $verifier->result, reason => $verifier->result_detail};
  },
);

$| = 1;
while (my $line = <STDIN>) {
  my $answer = eval {
    my $in = decode_json($line);
    %txt = %{$in->{txt} // {}};
    $tasks{$in->{do}}->($in);
  } // {error => "$@"};
  print encode_json($answer), "\n";
}
