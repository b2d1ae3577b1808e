#include "config/validate_called.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "config/validate_strong.hpp"

namespace postern::config {
namespace {

class CalledValidator {
 public:
  explicit CalledValidator(Loaded& loaded) : m_loaded(loaded), m_users(loaded.config.x400_called_users) {}

  void run() {
    for (std::size_t i = 0; i < m_users.size(); ++i) check(m_users[i], "x400_called_user[" + std::to_string(i) + "]");
  }

 private:
  void fault(std::string field, std::string what) {
    m_loaded.faults.push_back({ErrorCode::BadInput, field + " " + std::move(what), field});
  }
  void warn(std::string text) { m_loaded.warnings.push_back(std::move(text)); }
  [[nodiscard]] bool is_shared(const X400CalledUser& user, std::string X400CalledUser::* part) const {
    return !(user.*part).empty() && std::ranges::count(m_users, user.*part, part) > 1;
  }

  void check(const X400CalledUser& user, const std::string& path) {
    if (user.user.empty()) fault(path + ".user", "is needed; \"C=DE;A= ;P=ORG;S=Doe\" for example");
    if (is_shared(user, &X400CalledUser::user)) fault(path + ".user", "is that of another one");
    if (user.address.empty()) fault(path + ".address", "is needed: where the MTA binds to " + printable(user.user));
    if (user.password_ref.empty()) fault(path + ".password_ref", "is needed: by it the user knows that it is this MTA that binds");
    if (is_shared(user, &X400CalledUser::password_ref))
      warn(path + ".password_ref: another user is shown the same, so each of them can pass for this MTA with the other");
    check_road(user, path);
  }

  void check_road(const X400CalledUser& user, const std::string& path) {
    for (const auto& pin : user.pins)
      if (!is_fingerprint(pin)) fault(path + ".pins", "must look like sha256: and 64 hexadecimal digits");
    if (!user.revocation.empty() && (user.tls == "none" || !user.pins.empty()))
      fault(path + ".revocation", "means nothing where the user has pins or no TLS; take it out");
    if (user.tls == "none") {
      warn(path + ".tls: none, so what goes to " + printable(user.user) + " can be read and changed on the way");
    } else if (!user.verify_name && user.pins.empty()) {
      warn(path + ".verify_name: false, so the password is shown to whoever has any certificate of the trust store");
    }
  }

  Loaded& m_loaded;
  const std::vector<X400CalledUser>& m_users;
};

}  // namespace

void check_called_users(Loaded& loaded) { CalledValidator(loaded).run(); }

}  // namespace postern::config
