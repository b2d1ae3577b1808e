#include "dns_server.hpp"

#include "crypto/random.hpp"
#include "dns/name.hpp"
#include "dnszone/wire.hpp"
#include "io/dialer.hpp"
#include "io/loops.hpp"

namespace postern::cli {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr int kMostAliases = 8;

io::Task<Result<Bytes>> read_exactly(io::Stream& stream, std::size_t size, SteadyTime deadline) {
  Bytes out(size);
  for (std::size_t have = 0; have < size;) {
    const auto got = co_await stream.read_some(ByteSpan(out).subspan(have), deadline);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(ErrorCode::Unavailable, "ends the connection without an answer");
    have += *got;
  }
  co_return out;
}

/// RFC 1035 4.2.2: two octets of length, then the message.
io::Task<Result<Bytes>> converse(io::Stream& stream, ByteView message, SteadyTime deadline) {
  Bytes framed{static_cast<Byte>(message.size() >> 8), static_cast<Byte>(message.size() & 0xFF)};
  append(framed, message);
  const Status sent = co_await stream.write_all(framed, deadline);
  if (!sent) co_return fail(sent.error());
  const auto length = co_await read_exactly(stream, 2, deadline);
  if (!length) co_return fail(length.error());
  const std::size_t size = std::size_t{length->at(0)} << 8 | length->at(1);
  co_return co_await read_exactly(stream, size, deadline);
}

/// Errors name the server.
io::Task<Result<Bytes>> dial_and_converse(io::Endpoint server, Bytes message, SteadyTime deadline) {
  auto stream = co_await io::dial(server, deadline);
  if (!stream) co_return fail(stream.error());
  auto answer = co_await converse(*stream, message, deadline);
  if (!answer) co_return fail(std::move(answer).error().context(server.text()));
  co_return answer;
}

io::Task<void> converse_into(io::Endpoint server, Bytes message, SteadyTime deadline, io::Loops& loops, Result<Bytes>& out) {
  out = co_await dial_and_converse(std::move(server), std::move(message), deadline);
  loops.stop();
}

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
  io::spawn(loops.at(0), converse_into(m_server, Bytes(message.begin(), message.end()), io::deadline_in(m_timeout), loops, out), "dns.tcp");
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
