#include "smtp/sasl.hpp"

#include "base/text.hpp"
#include "identity/saslprep.hpp"

namespace postern::smtp {

namespace {

constexpr std::size_t kMaxName = 255;  // RFC 4616 2: "MUST be able to accept ... up to and including 255 octets"

class PlainClient final : public SaslClient {
 public:
  PlainClient(std::string user, SecretBytes password) : m_user(std::move(user)), m_password(std::move(password)) {}
  [[nodiscard]] std::string_view mechanism() const noexcept override { return "PLAIN"; }
  [[nodiscard]] std::string initial() override { return write_plain(m_user, m_password.view()); }
  [[nodiscard]] Result<std::string> step(std::string_view challenge) override {
    // A server that ignored the initial response asks once more with an empty challenge (RFC 4954 4).
    if (!challenge.empty()) return fail(ErrorCode::BadInput, "the server sent a challenge that PLAIN does not have");
    return initial();
  }
  [[nodiscard]] bool may_succeed() const noexcept override { return true; }

 private:
  std::string m_user;
  SecretBytes m_password;
};

bool is_field(std::string_view text, std::size_t limit) {
  return text.size() <= limit && is_utf8(text) && text.find('\0') == std::string_view::npos;
}

}  // namespace

Result<PlainMessage> parse_plain(std::string_view message) {
  const std::size_t first = message.find('\0');
  const std::size_t second = first == std::string_view::npos ? first : message.find('\0', first + 1);
  if (second == std::string_view::npos) return fail(ErrorCode::BadInput, "PLAIN needs two NUL separators");
  const std::string_view authzid = message.substr(0, first);
  const std::string_view user = message.substr(first + 1, second - first - 1);
  const std::string_view password = message.substr(second + 1);
  if (user.empty() || password.empty()) return fail(ErrorCode::BadInput, "PLAIN needs a user and a password");
  if (!is_field(authzid, kMaxName) || !is_field(user, kMaxName) || !is_field(password, kPasswordLimit))
    return fail(ErrorCode::BadInput, "a field of PLAIN is too long or not UTF-8");
  // RFC 4616 2: names "are to be prepared before being used in the verification process"; SASLprep is recommended.
  PlainMessage out{{}, {}, SecretBytes::from_text(password)};
  POSTERN_TRY(out.user, saslprep_name(user, SaslPrepAs::Query));
  if (!authzid.empty()) {
    POSTERN_TRY(out.authzid, saslprep_name(authzid, SaslPrepAs::Query, "authorization identity"));
  }
  return out;
}

std::string write_plain(std::string_view user, ByteView password) {
  std::string out;
  out.reserve(2 + user.size() + password.size());
  out.push_back('\0');
  out.append(user).push_back('\0');
  return out.append(as_text(password));
}

Result<std::unique_ptr<SaslClient>> make_plain_client(std::string_view user, const SecretBytes& password) {
  POSTERN_TRY(std::string name, saslprep_name(user, SaslPrepAs::Query));
  POSTERN_TRY(SecretBytes prepared, saslprep(as_text(password.view()), SaslPrepAs::Query, "password"));
  return std::unique_ptr<SaslClient>(std::make_unique<PlainClient>(std::move(name), std::move(prepared)));
}

}  // namespace postern::smtp
