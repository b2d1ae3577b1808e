#include "gateway/name_server.hpp"

#include <fstream>

#include "base/secret.hpp"
#include "crypto/random.hpp"
#include "dns/name.hpp"
#include "dnszone/wire.hpp"
#include "io/dns_exchange.hpp"

namespace postern::gateway {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr int kMostAliases = 8;

/// Hard to guess (RFC 5452 9.2).
std::uint16_t random_message_id() {
  Byte bytes[2];
  fill_nonce(bytes);
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

}  // namespace

Result<io::Endpoint> parse_name_server(const std::string& text) {
  if (const auto ip = dns::IpAddress::parse(text)) return io::Endpoint{*ip, kDnsPort, {}};
  auto whole = io::Endpoint::parse(text);
  if (!whole) whole = io::Endpoint::parse(text + ":" + std::to_string(kDnsPort));
  if (whole && !whole->is_unix() && whole->port != 0) return whole;
  return fail(ErrorCode::BadInput, "must be an address, with a port if it is not 53: 192.0.2.53, [2001:db8::53]:5353");
}

/// Read without a buffer in between, so that the secret is nowhere but in memory that is wiped.
Result<dnszone::TsigKey> read_tsig_key(const std::string& path) {
  std::ifstream file;
  file.rdbuf()->pubsetbuf(nullptr, 0);
  file.open(path, std::ios::binary);
  if (!file) return fail(ErrorCode::BadInput, "cannot be opened; make a key with: tsig-keygen NAME", path);
  SecretBytes room(dnszone::kTsigKeyFileLimit + 1);
  file.read(reinterpret_cast<char*>(room.span().data()), static_cast<std::streamsize>(room.size()));
  auto key = dnszone::parse_tsig_key(as_text(room.view().first(static_cast<std::size_t>(file.gcount()))));
  if (!key) return fail(std::move(key).error().context(path));
  return key;
}

io::Task<Result<Bytes>> NameServer::exchange(Bytes message) const {
  auto out = co_await io::exchange_dns(m_server, std::move(message), io::deadline_in(m_timeout));
  if (!out) co_return fail(std::move(out).error().context("the name server"));
  co_return out;
}

io::Task<Result<std::string>> NameServer::zone_of(std::string name) const {
  const std::uint16_t id = random_message_id();
  auto question = dnszone::encode_query(name, dns::RecordType::Soa, id);
  if (!question) co_return fail(question.error());
  const auto response = co_await exchange(*std::move(question));
  if (!response) co_return fail(response.error());
  co_return dnszone::read_zone(*response, name, id);
}

io::Task<dns::Answer> NameServer::ask(std::string name, dns::RecordType type) const {
  const std::uint16_t id = random_message_id();
  auto question = dnszone::encode_query(name, type, id);
  if (!question) co_return dns::Answer{};
  const auto response = co_await exchange(*std::move(question));
  if (!response) co_return dns::Answer{dns::AnswerStatus::Timeout, false, {}, name};
  co_return dnszone::read_answer(*response, name, type, id).value_or(dns::Answer{});
}

io::Task<Result<dns::Answer>> NameServer::query(std::string given, dns::RecordType type) const {
  const auto name = dns::normalize_name(given);
  if (!name) co_return fail(name.error());
  dns::Answer answer = co_await ask(*name, type);
  std::string asked = *name;
  for (int i = 0; i < kMostAliases && answer.records.empty() && !answer.canonical_name.empty() && answer.canonical_name != asked; ++i) {
    asked = answer.canonical_name;
    answer = co_await ask(asked, type);
    if (answer.canonical_name.empty()) answer.canonical_name = asked;
  }
  co_return answer;
}

io::Task<Status> NameServer::update(dnszone::Update update, const dnszone::TsigKey& key, const Clock& clock) const {
  const auto request = dnszone::encode_update(update, random_message_id());
  if (!request) co_return fail(request.error());
  const auto signed_request = dnszone::tsig_sign(*request, key, clock.now());
  if (!signed_request) co_return fail(signed_request.error());
  const auto response = co_await exchange(signed_request->bytes);
  if (!response) co_return fail(response.error());
  co_return dnszone::read_update_response(*response, *signed_request, key, update.zone, clock.now());
}

}  // namespace postern::gateway
