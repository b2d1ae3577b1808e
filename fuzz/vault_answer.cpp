// rooms: vaultkeeper
// A hostile Vault: whatever it answers, at the login or later, every call ends with a value or an error, and no key comes of noise.
#include <cstdlib>

#include "base/log.hpp"
#include "vaultkeeper/data_keys.hpp"
#include "vaultkeeper/transit_keys.hpp"

using namespace postern;
using namespace postern::vaultkeeper;

namespace {

/// The input is a list of answers: status (one byte picks it), length (two bytes), body. When it is over, it begins anew.
class Hostile final : public Transport {
 public:
  explicit Hostile(ByteView script) : m_script(script) {}

  Result<Reply> exchange(const Envelope& /*envelope*/, SteadyTime /*deadline*/) override {
    constexpr unsigned kStatuses[] = {200, 200, 200, 200, 204, 307, 400, 403, 404, 412, 429, 472, 473, 500, 501, 502, 503};
    if (m_at + 3 > m_script.size()) m_at = 0;
    if (m_script.size() < 3) return fail(ErrorCode::Unavailable, "nothing", "sent");
    Reply out;
    out.status = kStatuses[m_script[m_at] % std::size(kStatuses)];
    const std::size_t asked = static_cast<std::size_t>(m_script[m_at + 1]) << 8 | m_script[m_at + 2];
    const ByteView body = m_script.subspan(m_at + 3, std::min(asked, m_script.size() - m_at - 3));
    m_at += 3 + body.size();
    out.body = SecretBytes(body);
    out.location = std::string(as_text(body));
    if (out.status == 429) out.retry_after = std::chrono::seconds(body.size());
    return out;
  }

 private:
  ByteView m_script;
  std::size_t m_at = 0;
};

class NoCredentials final : public Credentials {
 public:
  Result<Grant> obtain(Line& line, SteadyTime deadline) override {
    const Ask ask{.path = "auth/approle/login", .body = {}};
    POSTERN_TRY(const Answer answer, line.ask(ask, {}, deadline));
    POSTERN_TRY(const std::string_view token, text_of(answer.auth(), "client_token"));
    return Grant{SecretBytes::from_text(token), std::chrono::seconds(60), true};
  }
  bool owns_token() const override { return false; }
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  log::configure(log::Level::Error, log::Format::Text);  // outages are what it is made of
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ManualClock clock(wall_from_millis(0));
  Line line(std::make_shared<Hostile>(ByteView(data, size)), clock,
            {{"https://a.example", "https://b.example"}, "ns", std::chrono::seconds(5)}, [&](std::chrono::milliseconds span) {
              clock.advance(span);
              return true;
            });
  Session session(line, std::make_unique<NoCredentials>(), clock);
  Client client(line, session, "transit");
  TransitKeys transit(client, clock);
  DataKeys keys(client, clock, {});
  const KeyName name("k");
  const auto again = [&] { (void)line.probe(); };
  (void)transit.describe(name), again();
  (void)transit.list(), again();
  (void)transit.create(name, KeyType::Hmac), again();
  (void)transit.public_key(name, 0), again();
  (void)transit.sign(name, 0, SignAlgorithm::rsa_pss(HashAlgorithm::Sha256), as_bytes("m")), again();
  (void)transit.encrypt(name, as_bytes("m"), {}, 0), again();
  (void)transit.decrypt(name, "vault:v1:AAAA", as_bytes("aad")), again();
  if (const auto key = keys.fresh(name, as_bytes("aad"))) {
    // It may give any key; what it wrapped, that key opens, and no other message's.
    const auto opened = keys.unwrap(name, key->wrapped, as_bytes("aad"));
    if (!opened || !std::ranges::equal(opened->view(), key->plaintext.view())) std::abort();
    if (keys.unwrap(name, key->wrapped, as_bytes("other"))) std::abort();
  }
  again();
  const Bytes foreign = write_wrapped_key({{1, Bytes(60, 1)}, Bytes(60, 2)});
  if (keys.unwrap(name, foreign, {})) std::abort();
  clock.advance(std::chrono::seconds(50));
  session.tend();
  keys.tend(name);
  return 0;
}
