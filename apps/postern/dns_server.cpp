#include "dns_server.hpp"

#include "crypto/random.hpp"
#include "dns/name.hpp"
#include "dns_tcp.hpp"
#include "dnszone/wire.hpp"
#include "io/loops.hpp"

namespace postern::cli {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr int kMostAliases = 8;

}  // namespace

Result<io::Endpoint> parse_server(const std::string& text) {
  if (const auto ip = dns::IpAddress::parse(text)) return io::Endpoint{*ip, kDnsPort, {}};
  auto whole = io::Endpoint::parse(text);
  if (!whole) whole = io::Endpoint::parse(text + ":" + std::to_string(kDnsPort));
  if (whole && !whole->is_unix() && whole->port != 0) return whole;
  return fail(ErrorCode::BadInput, "must be an address, with a port if it is not 53: 192.0.2.53, [2001:db8::53]:5353", "--server");
}

std::uint16_t random_message_id() {
  Byte bytes[2];
  fill_nonce(bytes);
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

Result<Bytes> DnsServer::exchange(ByteView message) const {
  Result<Bytes> out = fail(ErrorCode::Internal, "the exchange did not run");
  io::Loops loops(1);
  io::spawn(loops.at(0), exchange_into(m_server, frame_message(message), io::deadline_in(m_timeout), loops, out), "dns.tcp");
  loops.start();
  loops.join();
  if (!out) return fail(std::move(out).error().context("the name server"));
  return out;
}

Result<std::string> DnsServer::zone_of(const std::string& name) const {
  const std::uint16_t id = random_message_id();
  POSTERN_TRY(const Bytes question, dnszone::encode_query(name, dns::RecordType::Soa, id));
  POSTERN_TRY(const Bytes response, exchange(question));
  return dnszone::read_zone(response, name, id);
}

dns::Answer DnsServer::ask(const std::string& name, dns::RecordType type) const {
  const std::uint16_t id = random_message_id();
  const auto question = dnszone::encode_query(name, type, id);
  const auto response = question ? exchange(*question) : Result<Bytes>(fail(question.error()));
  if (!response) return {dns::AnswerStatus::Timeout, false, {}, name};
  return dnszone::read_answer(*response, name, type, id).value_or(dns::Answer{});
}

Result<dns::Answer> DnsServer::query(std::string_view given, dns::RecordType type) {
  POSTERN_TRY(const std::string name, dns::normalize_name(given));
  if (const auto known = m_known.find({name, type}); known != m_known.end()) return known->second;
  dns::Answer answer = ask(name, type);
  std::string asked = name;
  for (int i = 0; i < kMostAliases && answer.records.empty() && !answer.canonical_name.empty() && answer.canonical_name != asked; ++i) {
    asked = answer.canonical_name;
    answer = ask(asked, type);
    if (answer.canonical_name.empty()) answer.canonical_name = asked;
  }
  m_known.insert_or_assign({name, type}, answer);
  return answer;
}

}  // namespace postern::cli
