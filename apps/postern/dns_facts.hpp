// Where the facts of `postern dns` come from: the configuration, the running daemon, and the command line, which has the last word.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "dnszone/wanted.hpp"
#include "remote.hpp"

namespace postern::cli {

struct FactOptions {
  std::string domain, hostname;
  std::vector<std::string> addresses;
  std::vector<std::string> dkim;                             ///< "SELECTOR=RECORD": keys that live elsewhere.
  std::vector<std::string> tlsa, next_tlsa;                  ///< "3 1 1 HEX"
  std::vector<std::string> certificates, next_certificates;  ///< PEM files
  bool no_tlsa = false;
  bool people = false;  ///< The keys of the domain's people, which the daemon has.
  std::string spf, dmarc;
  std::vector<std::string> dmarc_to, tls_report_to;
  std::string mta_sts = "none", mta_sts_id;
  std::vector<std::string> caa, caa_mail;                   ///< "ca.example", with parameters; ";" means nobody.
  std::vector<std::string> submissions, submission, imaps;  ///< "HOST[:PORT]", or "none".
  std::uint16_t preference = 10;
  std::uint32_t ttl = 3600;
};

struct GatheredFacts {
  dnszone::ZoneFacts facts;
  std::vector<std::string> notes;  ///< What is not known, and how it becomes known.
};

/// An error when there is neither configuration nor --hostname, or an option is wrong; a daemon that does not answer is a note.
[[nodiscard]] Result<GatheredFacts> gather_facts(const FactOptions& options, const Global& global, WallTime now);

}  // namespace postern::cli
