// DNS records and answers as values, and the port through which engines ask.
//
// An engine never waits: it gets a DnsPort that answers at once (a Fixture, or an AnswerTable filled by the shell that did the waiting).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "dns/ip_address.hpp"

namespace postern::dns {

/// The values are the numbers of the IANA registry.
enum class RecordType : std::uint16_t {
  A = 1,
  Ns = 2,
  Cname = 5,
  Soa = 6,
  Ptr = 12,
  Mx = 15,
  Txt = 16,
  Aaaa = 28,
  Srv = 33,
  Tlsa = 52,
  Smimea = 53,
  Openpgpkey = 61,
  Spf = 99,
  Caa = 257,
};
[[nodiscard]] std::string_view name_of(RecordType type) noexcept;  ///< "AAAA"
[[nodiscard]] Result<RecordType> parse_record_type(std::string_view text);

/// A, AAAA.
struct AddressData {
  IpAddress address;
};
/// NS, CNAME, PTR; normalized.
struct NameData {
  std::string name;
};
/// An empty exchange is the null MX of RFC 7505.
struct MxData {
  std::uint16_t preference = 0;
  std::string exchange;
};
/// TXT, SPF.
struct TxtData {
  std::vector<std::string> strings;
  /// RFC 7208 3.3, RFC 6376 3.6.2.2: put together without spaces.
  [[nodiscard]] std::string joined() const;
};
/// TLSA, SMIMEA.
struct TlsaData {
  std::uint8_t usage = 0, selector = 0, matching = 0;
  Bytes data;
};
struct SrvData {
  std::uint16_t priority = 0, weight = 0, port = 0;
  std::string target;
};
struct CaaData {
  std::uint8_t flags = 0;
  std::string tag, value;
};
/// OPENPGPKEY, SOA and what we do not look into.
struct OpaqueData {
  Bytes data;
};

using RecordData = std::variant<AddressData, NameData, MxData, TxtData, TlsaData, SrvData, CaaData, OpaqueData>;

struct Record {
  std::string name;  ///< Owner, normalized.
  RecordType type = RecordType::A;
  std::uint32_t ttl = 0;
  RecordData data;
};

/// Records that all copies share, since one answer goes through many hands. Only who makes an answer adds to it: push_back() is not for
/// what another thread has a copy of.
class Records {
 public:
  Records() = default;
  Records(std::vector<Record> all) : m_all(std::make_shared<std::vector<Record>>(std::move(all))) {}
  Records(std::initializer_list<Record> all) : Records(std::vector<Record>(all)) {}

  [[nodiscard]] const Record* data() const noexcept { return m_all ? m_all->data() : nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return m_all ? m_all->size() : 0; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] const Record* begin() const noexcept { return data(); }
  [[nodiscard]] const Record* end() const noexcept { return data() + size(); }
  [[nodiscard]] const Record& front() const noexcept { return *data(); }
  [[nodiscard]] const Record& operator[](std::size_t at) const noexcept { return data()[at]; }

  /// Other copies keep what they have.
  void push_back(Record record);

 private:
  std::shared_ptr<std::vector<Record>> m_all;
};

enum class AnswerStatus {
  NoError,   ///< records has at least one record of the type asked for.
  NoData,    ///< The name exists, without that type.
  NxDomain,  ///< The name does not exist.
  ServFail,  ///< The servers, or DNSSEC validation, failed: try later; never "no such record".
  Timeout,   ///< No answer in time.
};
[[nodiscard]] std::string_view name_of(AnswerStatus status) noexcept;

struct Answer {
  AnswerStatus status = AnswerStatus::ServFail;
  bool secure = false;         ///< DNSSEC-authentic, the CNAMEs on the way and a denial too.
  Records records;             ///< Of the type asked for only; CNAMEs were followed.
  std::string canonical_name;  ///< Where the CNAMEs led; the name asked for when there were none.

  [[nodiscard]] bool is_temporary_failure() const noexcept { return status == AnswerStatus::ServFail || status == AnswerStatus::Timeout; }
  /// All data of one kind, in order.
  template <class Data>
  [[nodiscard]] std::vector<Data> all() const {
    std::vector<Data> out;
    for (const Record& record : records) {
      if (const Data* data = std::get_if<Data>(&record.data)) out.push_back(*data);
    }
    return out;
  }
  /// The same without copies: `look` gets each as const Data&.
  template <class Data, class Look>
  void each(Look look) const {
    for (const Record& record : records) {
      if (const Data* data = std::get_if<Data>(&record.data)) look(*data);
    }
  }
};

/// Asks for one type at one name. An Error means the question was not possible (bad name); what DNS said, failures too, is an Answer.
class DnsPort {
 public:
  virtual ~DnsPort() = default;
  [[nodiscard]] virtual Result<Answer> query(std::string_view name, RecordType type) = 0;
};

/// Answers collected beforehand. What is not in the table is a ServFail, so that a forgotten question is never taken for "does not exist".
class AnswerTable final : public DnsPort {
 public:
  void add(std::string name, RecordType type, Answer answer) { m_answers.insert_or_assign({std::move(name), type}, std::move(answer)); }
  [[nodiscard]] Result<Answer> query(std::string_view name, RecordType type) override;

 private:
  std::map<std::pair<std::string, RecordType>, Answer> m_answers;
};

}  // namespace postern::dns

namespace postern {
using dns::DnsPort;
}  // namespace postern
