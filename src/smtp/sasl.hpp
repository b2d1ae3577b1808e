// SASL exchanges without I/O and without base64: PLAIN (RFC 4616), LOGIN (the field's habit), SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677).
//
// Text is UTF-8 and goes through SASLprep (RFC 4013): the server halves answer prepared names, and identity/ prepares passwords where it
// checks them; the client halves send prepared names and passwords and are not made with text that SASLprep refuses.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "identity/scram.hpp"

namespace postern::smtp {

struct PlainMessage {
  std::string authzid;
  std::string user;
  SecretBytes password;
};
/// RFC 4616 2: [authzid] NUL authcid NUL passwd, each valid UTF-8, authcid and passwd not empty, names at most 255 octets and
/// the password at most kPasswordLimit. Names come prepared, the password as it was sent. BadInput.
[[nodiscard]] Result<PlainMessage> parse_plain(std::string_view message);
[[nodiscard]] std::string write_plain(std::string_view user, ByteView password);

/// Server half of SCRAM-SHA-256. Calls in order: client_first(), server_first(), client_final(). Each at most once.
class ScramServer {
 public:
  /// `exporter`: channel binding data (RFC 9266), empty when there is none. `plus`: the client chose SCRAM-SHA-256-PLUS.
  /// `plus_offered`: whether we announced it; a client that says "y" then was tampered with (RFC 5802 6) and is refused.
  ScramServer(ByteView exporter, bool plus, bool plus_offered);
  ~ScramServer();

  /// Reads client-first-message and prepares its names (RFC 5802 5.1). BadInput: malformed, a name that SASLprep refuses, an extension we
  /// do not know, or the wrong channel binding flag.
  [[nodiscard]] Status client_first(std::string_view message);
  [[nodiscard]] const std::string& user() const noexcept { return m_user; }
  [[nodiscard]] const std::string& authzid() const noexcept { return m_authzid; }
  /// server-first-message. Without credentials the exchange goes on with a salt derived from `unknown_user_key` and the user's name, the
  /// same each time, and fails in client_final() like a wrong password does.
  [[nodiscard]] std::string server_first(const std::optional<ScramCredentials>& credentials, ByteView unknown_user_key, Random& random);
  /// server-final-message ("v=..."); Denied when the proof is wrong, BadInput when malformed.
  [[nodiscard]] Result<std::string> client_final(std::string_view message);

 private:
  [[nodiscard]] Status check_binding(std::string_view gs2_header, std::string_view c_value) const;
  Bytes m_exporter;
  bool m_plus, m_plus_offered, m_known = false;
  std::string m_user, m_authzid, m_gs2_header, m_client_first_bare, m_server_first, m_nonce;
  ScramCredentials m_credentials;
};

/// Client half of one exchange, any mechanism. initial() is sent with AUTH; step() answers each challenge (decoded).
class SaslClient {
 public:
  virtual ~SaslClient() = default;
  [[nodiscard]] virtual std::string_view mechanism() const noexcept = 0;
  [[nodiscard]] virtual std::string initial() = 0;
  /// The response, or an error: then cancel ("*"). IntegrityFailed: the server could not prove that it knows the password.
  [[nodiscard]] virtual Result<std::string> step(std::string_view challenge) = 0;
  /// Whether success may be believed: SCRAM needs the server's signature first.
  [[nodiscard]] virtual bool may_succeed() const noexcept = 0;
};
/// BadInput: SASLprep refuses the name or the password, and says why.
[[nodiscard]] Result<std::unique_ptr<SaslClient>> make_plain_client(std::string_view user, const SecretBytes& password);
/// `exporter` not empty and `plus`: SCRAM-SHA-256-PLUS. With an exporter but no plus the server is told "y".
[[nodiscard]] Result<std::unique_ptr<SaslClient>> make_scram_client(std::string_view user, const SecretBytes& password, ByteView exporter,
                                                                    bool plus, Random& random);

}  // namespace postern::smtp
