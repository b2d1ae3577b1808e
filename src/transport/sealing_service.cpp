#include "transport/sealing_service.hpp"

#include "oraddress/or_text.hpp"
#include "transport/smime_pki.hpp"

namespace postern::transport {
namespace {

class SealingService final : public Service {
 public:
  SealingService(std::unique_ptr<Service> inner, const config::Config& config, SmimeParts parts, const Clock& clock)
      : m_inner(std::move(inner)),
        m_clock(clock),
        m_options(sealing_options(config)),
        m_source(config.beside_config(config.smime.certificates_dir), std::move(parts.roots), clock,
                 keys_of(config, std::move(parts.people))),
        m_transport(m_inner->transport(), m_source, m_options, clock) {}

  std::string_view mode() const override { return m_inner->mode(); }
  Transport& transport() override { return m_transport; }
  Result<Profile> profile() const override { return m_inner->profile(); }
  Findings findings() const override { return with_smime(m_inner->findings()); }
  Findings bind_test() override { return with_smime(m_inner->bind_test()); }

 private:
  /// Null: ours are files.
  std::shared_ptr<SmimeKeys> keys_of(const config::Config& config, PkiKeys::People people) {
    if (config.smime.x400_source != "pki") return nullptr;
    return std::make_shared<PkiKeys>(std::move(people), [this] { return m_inner->profile(); }, config.smime.auto_enroll);
  }
  Findings with_smime(Findings out) const {
    const auto material = m_source.get();
    Findings more = material ? judge_smime(**material, m_clock.now(), said_need(), said_user()) : Findings{not_read(material.error())};
    out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return out;
  }
  static Finding not_read(const Error& error) {
    return {"smime", Finding::State::Failed, "nothing can be signed or opened: " + error.text()};
  }
  /// Who only tries Postern out need not hear that he has no certificate.
  SealingNeed said_need() const { return mode() == "mock" && m_options.sign == SealingNeed::Should ? SealingNeed::Never : m_options.sign; }

  /// The mock's user is nobody whom a certificate could name.
  std::optional<oraddress::ORAddress> said_user() const {
    const auto profile = m_inner->profile();
    if (mode() == "mock" || !profile) return std::nullopt;
    auto user = oraddress::parse(profile->user);
    return user ? std::optional(*std::move(user)) : std::nullopt;
  }

  std::unique_ptr<Service> m_inner;
  const Clock& m_clock;
  const SealingOptions m_options;
  mutable SmimeSource m_source;
  SealingTransport m_transport;
};

}  // namespace

std::unique_ptr<Service> with_smime(std::unique_ptr<Service> inner, const config::Config& config, SmimeParts parts, const Clock& clock) {
  if (!config.smime.enabled) return inner;
  return std::make_unique<SealingService>(std::move(inner), config, std::move(parts), clock);
}

}  // namespace postern::transport
