// SCRAM-SHA-256 (RFC 5802, RFC 7677), both halves, with tls-exporter channel binding (RFC 9266).
#include <algorithm>

#include "base/text.hpp"
#include "identity/saslprep.hpp"
#include "smtp/sasl.hpp"

namespace postern::smtp {

namespace {

constexpr std::size_t kMaxMessage = 4096;
constexpr std::size_t kNonceBytes = 18;
constexpr std::string_view kBinding = "tls-exporter";

Error malformed(std::string what) { return Error{ErrorCode::BadInput, "SCRAM message " + std::move(what), {}}; }

/// RFC 5802 5.1: takes "x=value" up to the next comma from the front, and the comma.
Result<std::string_view> take_attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return fail(malformed(std::string("lacks ") + name + "="));
  const std::size_t comma = std::min(rest.find(','), rest.size());
  const std::string_view value = rest.substr(2, comma - 2);
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  return value;
}

/// RFC 5802 5.1: printable = %x21-2B / %x2D-7E
bool is_nonce(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~' && c != ','; });
}

/// RFC 5802 5.1: "," is "=2C" and "=" is "=3D"; any other "=" is an error.
Result<std::string> decode_name(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out.push_back(text[i]);
      continue;
    }
    const std::string_view code = text.substr(i + 1, 2);
    if (code != "2C" && code != "3D") return fail(malformed("has a bad = in a name"));
    out.push_back(code == "2C" ? ',' : '=');
    i += 2;
  }
  if (!is_utf8(out) || out.find('\0') != std::string::npos || out.size() > 255)
    return fail(malformed("has a name that is not UTF-8 of at most 255 octets"));
  return out;
}

std::string encode_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

std::string make_nonce(Random& random) { return base64_encode(random.bytes(kNonceBytes)); }

/// RFC 5802 7: c= is base64 of the gs2 header followed by the channel binding data.
std::string binding_text(std::string_view gs2_header, ByteView exporter, bool bound) {
  Bytes input = to_bytes(gs2_header);
  if (bound) append(input, exporter);
  return base64_encode(input);
}

}  // namespace

ScramServer::ScramServer(ByteView exporter, bool plus, bool plus_offered)
    : m_exporter(exporter.begin(), exporter.end()), m_plus(plus), m_plus_offered(plus_offered) {}

ScramServer::~ScramServer() {
  wipe(m_credentials.stored_key);
  wipe(m_credentials.server_key);
}

Status ScramServer::client_first(std::string_view message) {
  if (message.size() > kMaxMessage) return fail(malformed("is too long"));
  std::string_view rest = message;
  // gs2-cbind-flag
  const std::size_t comma = rest.find(',');
  if (comma == std::string_view::npos) return fail(malformed("lacks its gs2 header"));
  const std::string_view flag = rest.substr(0, comma);
  rest.remove_prefix(comma + 1);
  // RFC 5802 6: "If the flag is set to "y" and the server supports channel binding, the server MUST fail authentication."
  if (flag == "y" && m_plus_offered)
    return fail(malformed("says that this server has no channel binding, but it has: somebody stands between"));
  const bool expected = m_plus ? flag == "p=" + std::string(kBinding) : flag == "n" || flag == "y";
  if (!expected)
    return fail(malformed(m_plus ? "must bind with tls-exporter" : "has a channel binding flag that does not fit the mechanism"));
  // authzid
  if (!rest.starts_with(',')) {
    POSTERN_TRY(const std::string_view authzid, take_attribute(rest, 'a'));
    POSTERN_TRY(m_authzid, decode_name(authzid));
    if (!m_authzid.empty()) {
      POSTERN_TRY(m_authzid, saslprep_name(m_authzid, SaslPrepAs::Query, "authorization identity"));
    }
  } else {
    rest.remove_prefix(1);
  }
  m_gs2_header = message.substr(0, message.size() - rest.size());
  m_client_first_bare = rest;
  // RFC 5802 5.1: "m=" is a mandatory extension; we know none, and take_attribute() refuses it here.
  POSTERN_TRY(const std::string_view name, take_attribute(rest, 'n'));
  POSTERN_TRY(m_user, decode_name(name));
  // RFC 5802 5.1: "the server SHOULD prepare it"; when that fails or nothing is left, "the server SHOULD abort".
  if (!m_user.empty()) {
    POSTERN_TRY(m_user, saslprep_name(m_user, SaslPrepAs::Query));
  }
  POSTERN_TRY(const std::string_view nonce, take_attribute(rest, 'r'));
  if (m_user.empty() || !is_nonce(nonce)) return fail(malformed("has no user or no nonce"));
  m_nonce = nonce;
  return {};
}

std::string ScramServer::server_first(const std::optional<ScramCredentials>& credentials, ByteView unknown_user_key, Random& random) {
  m_known = credentials.has_value();
  m_credentials = credentials ? *credentials : decoy_credentials(m_user, unknown_user_key);
  m_nonce += make_nonce(random);
  m_server_first = "r=" + m_nonce + ",s=" + base64_encode(m_credentials.salt) + ",i=" + std::to_string(m_credentials.iterations);
  return m_server_first;
}

Status ScramServer::check_binding(std::string_view gs2_header, std::string_view c_value) const {
  const std::string expected = binding_text(gs2_header, m_exporter, m_plus);
  if (!constant_time_equal(as_bytes(expected), as_bytes(c_value)))
    return fail(ErrorCode::Denied, "the channel binding does not match this TLS session");
  return {};
}

Result<std::string> ScramServer::client_final(std::string_view message) {
  if (message.size() > kMaxMessage) return fail(malformed("is too long"));
  std::string_view rest = message;
  POSTERN_TRY(const std::string_view binding, take_attribute(rest, 'c'));
  POSTERN_TRY(const std::string_view nonce, take_attribute(rest, 'r'));
  const std::size_t at = message.rfind(",p=");  // extensions may stand before the proof, which is last
  if (at == std::string_view::npos) return fail(malformed("lacks p="));
  POSTERN_TRY(const Bytes proof, base64_decode(message.substr(at + 3)));
  POSTERN_CHECK(check_binding(m_gs2_header, binding));
  if (nonce != m_nonce) return fail(ErrorCode::Denied, "the nonce is not the one of this exchange");
  const std::string auth_message = m_client_first_bare + ',' + m_server_first + ',' + std::string(message.substr(0, at));
  auto signature = scram_verify_proof(m_credentials, auth_message, proof);
  if (!signature || !m_known) return fail(ErrorCode::Denied, "the user or the password is wrong");
  return "v=" + base64_encode(*signature);
}

namespace {

class ScramClient final : public SaslClient {
 public:
  ScramClient(std::string user, SecretBytes password, ByteView exporter, bool plus, Random& random)
      : m_user(std::move(user)),
        m_password(std::move(password)),
        m_exporter(exporter.begin(), exporter.end()),
        m_plus(plus),
        m_nonce(make_nonce(random)) {}

  [[nodiscard]] std::string_view mechanism() const noexcept override { return m_plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256"; }
  [[nodiscard]] std::string initial() override {
    m_first_bare = "n=" + encode_name(m_user) + ",r=" + m_nonce;
    return gs2_header() + m_first_bare;
  }
  [[nodiscard]] Result<std::string> step(std::string_view challenge) override {
    if (challenge.size() > kMaxMessage) return fail(malformed("is too long"));
    if (m_step++ == 0) return answer_server_first(challenge);
    POSTERN_CHECK(check_server_final(challenge));
    return std::string();
  }
  [[nodiscard]] bool may_succeed() const noexcept override { return m_server_verified; }

 private:
  std::string gs2_header() const {
    if (m_plus) return "p=" + std::string(kBinding) + ",,";
    return m_exporter.empty() ? "n,," : "y,,";
  }

  Result<std::string> answer_server_first(std::string_view message) {
    std::string_view rest = message;
    POSTERN_TRY(const std::string_view nonce, take_attribute(rest, 'r'));
    POSTERN_TRY(const std::string_view salt_text, take_attribute(rest, 's'));
    POSTERN_TRY(const std::string_view count, take_attribute(rest, 'i'));
    POSTERN_TRY(const Bytes salt, base64_decode(salt_text));
    // RFC 5802 5.1: the server's nonce begins with ours and adds to it.
    if (!nonce.starts_with(m_nonce) || nonce.size() <= m_nonce.size() || !is_nonce(nonce))
      return fail(ErrorCode::IntegrityFailed, "the server's SCRAM nonce does not continue ours");
    POSTERN_TRY(const std::uint32_t iterations, read_iterations(count));
    const std::string without_proof = "c=" + binding_text(gs2_header(), m_exporter, m_plus) + ",r=" + std::string(nonce);
    const std::string auth_message = m_first_bare + ',' + std::string(message) + ',' + without_proof;
    POSTERN_TRY(const ScramClientProof proof, scram_client_proof(as_text(m_password.view()), salt, iterations, auth_message));
    m_expected_signature = proof.server_signature;
    return without_proof + ",p=" + base64_encode(proof.client_proof);
  }

  /// RFC 7677 4: at least 4,096.
  static Result<std::uint32_t> read_iterations(std::string_view text) {
    std::uint32_t count = 0;
    for (const char c : text) {
      if (!is_digit(c) || count > kScramMaxIterations) return fail(malformed("has a bad iteration count"));
      count = count * 10 + static_cast<std::uint32_t>(c - '0');
    }
    // A server may neither weaken the proof nor make the client burn its time.
    if (count < kScramMinIterations || count > kScramMaxIterations) return fail(malformed("asks for too few or too many iterations"));
    return count;
  }

  Status check_server_final(std::string_view message) {
    std::string_view rest = message;
    POSTERN_TRY(const std::string_view value, take_attribute(rest, 'v'));
    POSTERN_TRY(const Bytes signature, base64_decode(value));
    if (!m_expected_signature || !constant_time_equal(signature, *m_expected_signature))
      return fail(ErrorCode::IntegrityFailed, "the server did not prove that it knows the password");
    m_server_verified = true;
    return {};
  }

  std::string m_user;
  SecretBytes m_password;
  Bytes m_exporter;
  bool m_plus;
  bool m_server_verified = false;
  int m_step = 0;
  std::string m_nonce, m_first_bare;
  std::optional<Sha256> m_expected_signature;
};

}  // namespace

Result<std::unique_ptr<SaslClient>> make_scram_client(std::string_view user, const SecretBytes& password, ByteView exporter, bool plus,
                                                      Random& random) {
  // RFC 5802 5.1: the client prepares the name as a query string; 2.2: the password as a stored one.
  POSTERN_TRY(std::string name, saslprep_name(user, SaslPrepAs::Query));
  POSTERN_TRY(SecretBytes prepared, saslprep(as_text(password.view()), SaslPrepAs::Stored, "password"));
  return std::unique_ptr<SaslClient>(std::make_unique<ScramClient>(std::move(name), std::move(prepared), exporter, plus, random));
}

}  // namespace postern::smtp
