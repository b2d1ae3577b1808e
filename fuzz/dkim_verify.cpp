// rooms: mailauth
// Any message against any key record gets a verdict; what we sign of it, we verify.
#include <cstdlib>

#include "crypto/pkey.hpp"
#include "dns/fixture.hpp"
#include "mailauth/dkim.hpp"

using namespace postern;

namespace {

/// One key record for every name.
class OneRecord final : public DnsPort {
 public:
  explicit OneRecord(std::string_view text) : m_text(text) {}
  Result<dns::Answer> query(std::string_view name, dns::RecordType type) override {
    return dns::Answer{
        dns::AnswerStatus::NoError, false, {dns::Record{std::string(name), type, 0, dns::TxtData{{m_text}}}}, std::string(name)};
  }

 private:
  std::string m_text;
};

const PrivateKey& key() {
  static const Bytes seed(32, 7);
  static const PrivateKey instance = PrivateKey::from_raw(KeyKind::Ed25519, seed).value();
  return instance;
}

void sign_and_verify(const MessageView& message, CanonicalizationPair canonicalization) {
  const std::vector<DkimKeyRef> keys = {{"example.org", "s", DkimAlgorithm::Ed25519Sha256, {}, 0}};
  DkimSignOptions options;
  options.canonicalization = canonicalization;
  const auto fields =
      dkim_sign(message, keys, options, [](const DkimKeyRef&, ByteView digest) { return key().sign(SignAlgorithm::ed25519(), digest); });
  if (!fields) return;
  const std::string done = *fields + std::string(message.raw());
  Limits wide;
  wide.header_bytes *= 2;
  wide.header_fields += 1;
  const auto view = MessageView::parse(done, wide);
  OneRecord record(dkim_key_record(DkimAlgorithm::Ed25519Sha256, key().public_key().to_raw()));
  if (!view || dkim_verify(*view, record, WallTime{}).front().result != DkimResult::Pass) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  // The first line is the key record, the rest the message.
  const auto line = std::min(input.find('\n'), input.size());
  const std::string_view raw = line == input.size() ? input : input.substr(line + 1);
  const auto view = MessageView::parse(raw);
  if (!view) return 0;
  OneRecord record(input.substr(0, line));
  (void)dkim_overall(dkim_verify(*view, record, wall_from_millis(1'700'000'000'000)));
  (void)dkim_key_names(*view);
  for (const auto header : {Canonicalization::Simple, Canonicalization::Relaxed}) {
    for (const auto body : {Canonicalization::Simple, Canonicalization::Relaxed}) sign_and_verify(*view, {header, body});
  }
  return 0;
}
