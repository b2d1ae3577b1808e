// DNS from a JSON document, the same for the file verbs, the tests and the daemon (dns.fixture_file):
//
//   {"records": {"example.com": [{"type":"TXT","data":["v=spf1 ","-all"]}, {"type":"MX","pref":10,"data":"mx.example.com"},
//                                {"type":"A","timeout":true}, {"timeout":true}]}}
//
// A name that is not listed is NXDOMAIN (NODATA when names below it are listed: RFC 8020, empty non-terminals exist); listed without the
// type NODATA; a bare {"timeout":true} SERVFAIL for every type not listed; "timeout" with a type is a timeout of that type. "secure":true
// makes a record DNSSEC-authentic; an answer is secure when all its records and CNAMEs are; {"secure":true} without a type makes the name's
// denials secure. CNAMEs are followed, 8 at most, a loop is SERVFAIL. Also understood: "ttl"; AAAA, NS, PTR, CNAME, SPF; SRV with "data":"0
// 5 25 host"; TLSA and SMIMEA with "data":"3 1 1 HEX"; CAA with "data":"0 issue \"ca.example\""; OPENPGPKEY with base64.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dns/record.hpp"

namespace postern::dns {

class Fixture final : public DnsPort {
 public:
  Fixture() = default;  ///< Knows no name at all.
  /// BadInput naming the record that is wrong. At most 16 MiB of text.
  [[nodiscard]] static Result<Fixture> parse(std::string_view json);

  /// Adds by hand, for unit tests.
  void add(Record record, bool secure = false);
  void add_txt(std::string_view name, std::string_view text);

  [[nodiscard]] Result<Answer> query(std::string_view name, RecordType type) override;

 private:
  struct Entry {
    Record record;
    bool secure = false;
  };
  struct Node {
    std::vector<Entry> entries;
    std::vector<RecordType> timeouts;
    bool fails = false;
    bool denial_secure = false;
  };
  [[nodiscard]] Answer lookup(const std::string& name, RecordType type) const;
  [[nodiscard]] Answer denial(const std::string& name, bool secure) const;
  friend struct FixtureReader;
  std::map<std::string, Node, std::less<>> m_nodes;
};

}  // namespace postern::dns
