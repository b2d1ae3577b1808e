#include "base/text.hpp"
#include "crypto/signing_session.hpp"
#include "secrets/transit_backend.hpp"
#include "secrets/transit_batch.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using namespace transit;

constexpr BatchShape kInput{"input", "missing input", false};
constexpr BatchShape kMacInput{"input", "missing input for HMAC", false};

constexpr RefusedField kNotInSignatures[] = {
    {"signature_context", "contexts of Ed25519ctx and ML-DSA are not done here; put the context into the input"},
    {"cmac", "CMAC keys are not done here; use an hmac key"},
};

/// The URL beats `hash_algorithm`, which beats the older `algorithm`.
std::string algorithm_name(const Fields& fields, std::initializer_list<const char*> places) {
  for (const char* field : places) {
    if (std::string name = fields.text(field); !name.empty()) return name;
  }
  return "sha2-256";
}

/// Of the whole call: a batch has one set of options for all its items.
Result<SignOptions> sign_options(const Fields& fields) {
  SignOptions options;
  options.prehashed = fields.flag("prehashed");
  POSTERN_TRY(options.hash, for_client(sign_hash_from_name(algorithm_name(fields, {"urlalgorithm", "hash_algorithm", "algorithm"}))));
  if (const std::string padding = fields.text("signature_algorithm"); !padding.empty()) {
    POSTERN_TRY(options.padding, for_client(padding_from_name(padding)));
  }
  POSTERN_TRY(options.marshaling, for_client(marshaling_from_name(fields.text("marshaling_algorithm"))));
  POSTERN_TRY(options.salt, for_client(salt_from_name(to_lower(fields.text("salt_length")))));
  if (!options.hash && (!options.prehashed || options.padding != RsaPadding::Pkcs1))
    return fail(ErrorCode::BadInput, "hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15", "hash_algorithm");
  POSTERN_TRY(options.version, key_version_from(fields.integer("key_version")));
  return options;
}

Result<HashAlgorithm> mac_algorithm(const Fields& fields) {
  const std::string name = algorithm_name(fields, {"urlalgorithm", "algorithm"});
  const auto algorithm = hash_algorithm_from_name(name);
  if (!algorithm) return fail(ErrorCode::BadInput, "unsupported algorithm \"" + printable(name) + "\"", "algorithm");
  return *algorithm;
}

/// Input and context of one item after the other.
class SignBytes {
 public:
  [[nodiscard]] Result<ByteView> input(const Batch& batch, const BatchItem& item, const BatchShape& shape) {
    // Alone, no input is the empty input, as the API has it for signatures.
    if (!item.input && !batch.single()) return fail(ErrorCode::BadInput, std::string(shape.missing), "input");
    const auto bytes = decoded(item.input.value_or(""), m_input, "input");
    if (!bytes) return fail(ErrorCode::BadInput, "unable to decode input as base64", "input");
    return *bytes;
  }
  [[nodiscard]] Status context(const BatchItem& item, SignOptions& options) {
    options.context = {};
    if (item.context.empty()) return {};
    POSTERN_TRY(options.context, decoded(item.context, m_context, "context"));
    return {};
  }

 private:
  WipedBuffer m_input, m_context;
};

enum class Proof { Signature, Hmac };

/// What the items bring to be verified; they must all bring the same.
Result<Proof> proof_of(const Batch& batch) {
  std::size_t signatures = 0, macs = 0;
  for (const BatchItem& item : batch.items()) {
    if (item.signature) ++signatures;
    if (item.hmac && (batch.single() || !item.signature)) ++macs;
  }
  const std::size_t all = batch.items().size();
  const auto bad = [](const char* text) { return fail(ErrorCode::BadInput, text, "batch_input"); };
  if (batch.single()) {
    if (signatures > 0 && macs > 0) return bad("provide one of 'signature' or 'hmac'");
    if (signatures + macs == 0) return bad("neither a 'signature' nor an 'hmac' were given to verify");
  }
  if (signatures > 0 && macs > 0) return bad("elements of batch_input must all provide 'signature' or all provide 'hmac'");
  if (signatures + macs == 0) return bad("no batch_input elements have 'signature' or 'hmac'");
  if (signatures > 0 && signatures < all) return bad("some elements of batch_input are missing 'signature'");
  if (macs > 0 && macs < all) return bad("some elements of batch_input are missing 'hmac'");
  return signatures > 0 ? Proof::Signature : Proof::Hmac;
}

void verify_signatures(const KeyRef& key, const Batch& batch, SignOptions options, BatchAnswer& answers) {
  SignBytes bytes;
  answers.run([&](const BatchItem& item, json::object& result) -> Status {
    json::value& valid = result["valid"];
    valid = false;
    POSTERN_TRY(const ByteView input, bytes.input(batch, item, kInput));
    POSTERN_CHECK(bytes.context(item, options));
    POSTERN_TRY(valid, for_client(key.verify(input, *item.signature, options)));
    return {};
  });
}

void verify_macs(const KeyRef& key, const Batch& batch, HashAlgorithm algorithm, BatchAnswer& answers) {
  SignBytes bytes;
  answers.run([&](const BatchItem& item, json::object& result) -> Status {
    json::value& valid = result["valid"];
    valid = false;
    POSTERN_TRY(const ByteView input, bytes.input(batch, item, kInput));
    POSTERN_TRY(valid, for_client(key.verify_hmac(input, *item.hmac, algorithm)));
    return {};
  });
}

Result<KeyRef> key_for(transit::Engine& engine, const Call& call, const char* unknown) {
  auto key = engine.get(call.fields.text_view("name"));
  if (!key && key.error().code == ErrorCode::NotFound) return fail(ErrorCode::BadInput, unknown, "name");
  return for_client(std::move(key));
}

}  // namespace

Result<Answer> TransitBackend::sign(const Call& call) {
  POSTERN_CHECK(refuse_fields(call, kNotInSignatures));
  POSTERN_TRY(SignOptions options, sign_options(call.fields));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Batch batch, Batch::read(call, kInput));
  POSTERN_TRY(const KeyRef key, key_for(*engine, call, "signing key not found"));
  SignBytes bytes;
  BatchAnswer answers(batch);
  const SigningSession session;
  answers.run([&](const BatchItem& item, json::object& result) -> Status {
    POSTERN_TRY(const ByteView input, bytes.input(batch, item, kInput));
    POSTERN_CHECK(bytes.context(item, options));
    POSTERN_TRY(const Signed made, for_client(key.sign(input, options)));
    result.emplace("signature", made.text);
    result.emplace("key_version", made.version);
    if (!made.public_key.empty()) result.emplace(batch.single() ? "public_key" : "publickey", made.public_key);
    return {};
  });
  return std::move(answers).finish();
}

Result<Answer> TransitBackend::verify(const Call& call) {
  POSTERN_CHECK(refuse_fields(call, kNotInSignatures));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Batch batch, Batch::read(call, kInput));
  POSTERN_TRY(const Proof proof, proof_of(batch));
  BatchAnswer answers(batch);
  if (proof == Proof::Hmac) {
    POSTERN_TRY(const HashAlgorithm algorithm, mac_algorithm(call.fields));
    POSTERN_TRY(const KeyRef key, key_for(*engine, call, "encryption key not found"));
    verify_macs(key, batch, algorithm, answers);
  } else {
    POSTERN_TRY(SignOptions options, sign_options(call.fields));
    options.version = 0;  // the signature says it
    POSTERN_TRY(const KeyRef key, key_for(*engine, call, "signature verification key not found"));
    verify_signatures(key, batch, options, answers);
  }
  return std::move(answers).finish();
}

Result<Answer> TransitBackend::hmac(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const HashAlgorithm algorithm, mac_algorithm(call.fields));
  POSTERN_TRY(const std::uint32_t version, key_version_from(call.fields.integer("key_version")));
  POSTERN_TRY(const Batch batch, Batch::read(call, kMacInput));
  if (batch.single() && !batch.items().front().input) return fail(ErrorCode::BadInput, std::string(kMacInput.missing), "input");
  POSTERN_TRY(const KeyRef key, key_for(*engine, call, "encryption key not found"));
  SignBytes bytes;
  BatchAnswer answers(batch);
  answers.run([&](const BatchItem& item, json::object& result) -> Status {
    POSTERN_TRY(const ByteView input, bytes.input(batch, item, kMacInput));
    POSTERN_TRY(const Ciphertext mac, for_client(key.hmac(input, algorithm, version)));
    result.emplace("hmac", mac.text);
    return {};
  });
  return std::move(answers).finish();
}

Result<Answer> TransitBackend::refuse_cmac(const Call& /*call*/) {
  return fail(ErrorCode::BadInput, "CMAC is not done here; make a key of type hmac and use hmac/NAME", "name");
}

}  // namespace postern::vault
