#include "config/validate_strong.hpp"

namespace postern::config {
namespace {

class StrongValidator {
 public:
  explicit StrongValidator(Loaded& loaded) : m_loaded(loaded), m_config(loaded.config) {}

  void run() {
    const auto& strong = m_config.x400.strong;
    if (strong.certificate.empty() != strong.key.empty())
      fault("x400.strong.key", "and x400.strong.certificate belong together; give both or none");
    if (strong.clock_skew.count() == 0) fault("x400.strong.clock_skew", "is 0, so that no token would ever be of now; 5m suits most");
    for (std::size_t i = 0; i < m_config.x400_peers.size(); ++i) check_peer(m_config.x400_peers[i], "x400_peer[" + std::to_string(i) + "]");
    for (std::size_t i = 0; i < m_config.x400_users.size(); ++i) check_user(m_config.x400_users[i], "x400_user[" + std::to_string(i) + "]");
  }

 private:
  void fault(std::string field, std::string what) {
    m_loaded.faults.push_back({ErrorCode::BadInput, field + " " + std::move(what), field});
  }

  void check_peer(const X400Peer& peer, const std::string& path) {
    // What goes out over an association that the peer opened goes to whoever opened it.
    if (peer.dialogue == "alternate" && peer.tls == "required" && peer.pins.empty() && peer.credentials != "strong")
      fault(path + ".pins",
            "or credentials = \"strong\" is needed with dialogue = \"alternate\": mail goes to whoever called, and a "
            "password alone does not say who that is");
    if (peer.credentials != "strong") {
      if (!peer.strong_ca.empty() || !peer.strong_subject.empty() || !peer.strong_pins.empty())
        fault(path + ".credentials", "must be \"strong\" for strong_ca, strong_subject and strong_pins to mean anything");
      return;
    }
    // X.411-1984 4.4: the user data of the bind has a name and a password, and room for nothing else.
    if (peer.mode == "1984") fault(path + ".credentials", "must be \"simple\" with mode 1984, whose bind carries a password and no token");
    // X.410 mode is that of session version 1, whose CONNECT has at most 512 octets of user data (X.225 8.3.1.16).
    if (peer.mode == "x410") fault(path + ".credentials", "must be \"simple\" with mode x410, whose bind has no room for a certificate");
    if (!peer.password_ref.empty() || !peer.peer_password_ref.empty())
      fault(path + ".credentials", "are strong, so passwords count for nothing; take password_ref and peer_password_ref out");
    check_trust(peer.strong_ca, peer.strong_subject, peer.strong_pins, path + ".strong_");
  }

  void check_user(const X400User& user, const std::string& path) {
    if (user.address.empty()) fault(path + ".address", "is needed: an O/R address, \"C=DE;A= ;P=ORG;S=Smith\"");
    check_trust(user.ca, user.subject, user.pins, path + ".");
  }

  /// A trust store alone would let in whomever it certified.
  void check_trust(const std::string& ca, const std::string& subject, const std::vector<std::string>& pins, const std::string& prefix) {
    for (const auto& pin : pins)
      if (!is_fingerprint(pin)) fault(prefix + "pins", "must look like sha256: and 64 hexadecimal digits");
    if (ca.empty() != subject.empty()) fault(prefix + "subject", "and " + prefix + "ca belong together; give both, or none beside pins");
    if (pins.empty() && ca.empty() && subject.empty())
      fault(prefix + "pins", "is needed for strong credentials, or " + prefix + "ca with the subject of the certificate");
  }

  Loaded& m_loaded;
  const Config& m_config;
};

}  // namespace

void check_strong_credentials(Loaded& loaded) { StrongValidator(loaded).run(); }

}  // namespace postern::config
