#include "base/text.hpp"
#include "secrets/transit_backend.hpp"
#include "secrets/transit_batch.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using namespace transit;

constexpr BatchShape kEncrypt{"plaintext", "missing plaintext to encrypt", true};
constexpr BatchShape kDecrypt{"ciphertext", "missing ciphertext to decrypt", true};

tl::unexpected<Error> refuse_nonce() {
  return fail(ErrorCode::BadInput, "nonce: not taken here; the engine makes nonces itself, and convergent keys derive them", "nonce");
}

/// RSA keys have one padding here; saying so is fine.
Status check_padding(const Call& call) {
  if (!call.fields.has("padding_scheme")) return {};
  const std::string scheme = to_lower(call.fields.text("padding_scheme"));
  if (scheme.empty() || scheme == "oaep") return {};
  return fail(ErrorCode::BadInput, "padding_scheme: only \"oaep\" is done; PKCS#1 v1.5 encryption leaks what it protects",
              "padding_scheme");
}

/// Buffers that the items of a batch use one after the other.
class ItemBytes {
 public:
  /// Borrowed until the next item.
  [[nodiscard]] Result<CipherOptions> options(const BatchItem& item) {
    if (item.foreign) return refuse_nonce();
    CipherOptions out;
    out.version = item.key_version;
    if (!item.context.empty()) {
      POSTERN_TRY(out.context, decoded(item.context, m_context, "context"));
    }
    if (!item.associated_data.empty()) {
      POSTERN_TRY(out.aad, decoded(item.associated_data, m_aad, "associated_data"));
    }
    return out;
  }
  [[nodiscard]] Result<ByteView> plaintext(const BatchItem& item) { return decoded(*item.input, m_plaintext, "plaintext"); }

 private:
  WipedBuffer m_plaintext, m_context, m_aad;
};

std::optional<std::int64_t> partial_code(const Call& call) {
  if (!call.fields.has("partial_failure_response_code")) return std::nullopt;
  return call.fields.integer("partial_failure_response_code");
}

Status check_ciphertext(const BatchItem& item) {
  if (!item.input->empty()) return {};
  return fail(ErrorCode::BadInput, std::string(kDecrypt.missing), "ciphertext");
}

/// A key is not made for input that cannot be encrypted.
Status check_any_plaintext(const Batch& batch) {
  ItemBytes bytes;
  Status last;
  for (const BatchItem& item : batch.items()) {
    const auto plaintext = bytes.plaintext(item);
    if (plaintext) return {};
    last = fail(plaintext.error());
  }
  return last;
}

}  // namespace

Result<std::string> TransitBackend::upsert(const Call& call, Engine& engine, bool with_context) const {
  POSTERN_TRY(const Settings settings, stored(engine.settings()));
  if (settings.disable_upsert) return fail(ErrorCode::BadInput, "encryption key not found", "name");
  CreateOptions options;
  const std::string type = call.fields.text("type");
  POSTERN_TRY(options.type, for_client(key_type_from_name(type)));
  const KeyAbilities can = abilities_of(options.type);
  if (!can.symmetric || !can.encrypts)
    return fail(ErrorCode::BadInput, "key type " + printable(type) + " not supported for this operation", "type");
  options.derived = with_context;
  options.convergent = call.fields.flag("convergent_encryption");
  if (options.convergent && !with_context)
    return fail(ErrorCode::BadInput, "convergent encryption requires derivation to be enabled, so context is required", "context");
  POSTERN_TRY(const KeyReply made, for_client(engine.create(call.fields.text("name"), options)));
  if (made.created) return std::string();
  return std::string("Attempted creation of the key during the encrypt operation, but it was created beforehand");
}

Result<Answer> TransitBackend::encrypt(const Call& call) {
  POSTERN_CHECK(check_padding(call));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Batch batch, Batch::read(call, kEncrypt));
  POSTERN_TRY(const bool with_context, batch.with_context());
  std::string remark;
  if (!call.existed) {
    POSTERN_CHECK(check_any_plaintext(batch));
    POSTERN_TRY(remark, upsert(call, *engine, with_context));
  }
  POSTERN_TRY(const KeyRef key, for_client(engine->get(call.fields.text_view("name"))));
  ItemBytes bytes;
  std::string text;
  BatchAnswer answers(batch);
  answers.run([&](const BatchItem& item, json::object& result) -> Status {
    POSTERN_TRY(const CipherOptions options, bytes.options(item));
    POSTERN_TRY(const ByteView plaintext, bytes.plaintext(item));
    text.clear();
    POSTERN_TRY(const std::uint32_t version, for_client(key.encrypt_to(text, plaintext, options)));
    result.emplace("ciphertext", text);
    result.emplace("key_version", version);
    return {};
  });
  POSTERN_TRY(Answer answer, std::move(answers).finish_strict(partial_code(call)));
  if (!remark.empty()) answer.warnings.push_back(std::move(remark));
  return answer;
}

Result<Answer> TransitBackend::decrypt(const Call& call) {
  POSTERN_CHECK(check_padding(call));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Batch batch, Batch::read(call, kDecrypt));
  POSTERN_CHECK(batch.with_context());
  POSTERN_TRY(const KeyRef key, for_client(engine->get(call.fields.text_view("name"))));
  ItemBytes bytes;
  BatchAnswer answers(batch);
  answers.run([&](const BatchItem& item, json::object& result) -> Status {
    POSTERN_CHECK(check_ciphertext(item));
    POSTERN_TRY(CipherOptions options, bytes.options(item));
    options.version = 0;  // the ciphertext says it
    POSTERN_TRY(const WipedBytes plaintext, for_client(key.decrypt(*item.input, options)));
    put_base64(result, "plaintext", plaintext);
    return {};
  });
  return std::move(answers).finish_strict(partial_code(call));
}

Result<Answer> TransitBackend::rewrap(const Call& call) {
  POSTERN_CHECK(check_padding(call));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Batch batch, Batch::read(call, kDecrypt));
  POSTERN_CHECK(batch.with_context());
  POSTERN_TRY(const KeyRef key, for_client(engine->get(call.fields.text_view("name"))));
  ItemBytes bytes;
  BatchAnswer answers(batch);
  answers.run([&](const BatchItem& item, json::object& result) -> Status {
    POSTERN_CHECK(check_ciphertext(item));
    POSTERN_TRY(const CipherOptions options, bytes.options(item));
    POSTERN_TRY(const Ciphertext wrapped, for_client(key.rewrap(*item.input, options)));
    result.emplace("ciphertext", wrapped.text);
    result.emplace("key_version", wrapped.version);
    return {};
  });
  return std::move(answers).finish();
}

Result<Answer> TransitBackend::data_key(const Call& call) {
  const std::string kind = call.fields.text("kind");
  if (kind != "plaintext" && kind != "wrapped") return fail(ErrorCode::BadInput, "Invalid path, must be 'plaintext' or 'wrapped'", "kind");
  const std::int64_t bits = call.fields.integer("bits");
  if (bits != 128 && bits != 256 && bits != 512) return fail(ErrorCode::BadInput, "invalid bit length; use 128, 256 or 512", "bits");
  POSTERN_CHECK(check_padding(call));
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const Batch batch, Batch::read_one(call, {"input", {}, false}));
  ItemBytes bytes;
  POSTERN_TRY(const CipherOptions options, bytes.options(batch.items().front()));
  POSTERN_TRY(const KeyRef key, for_client(engine->get(call.fields.text_view("name"))));
  POSTERN_TRY(const NewDataKey made, for_client(key.data_key(static_cast<std::size_t>(bits), options)));
  json::object data(wiped_memory());
  data.emplace("ciphertext", made.text);
  data.emplace("key_version", made.version);
  if (kind == "plaintext") put_base64(data, "plaintext", made.plaintext.view());
  return Answer::with(std::move(data));
}

Result<Answer> TransitBackend::encapsulate(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const std::uint32_t version, key_version_from(call.fields.integer("key_version")));
  POSTERN_TRY(const KeyRef key, for_client(engine->get(call.fields.text_view("name"))));
  POSTERN_TRY(const Encapsulated made, for_client(key.encapsulate(version)));
  json::object data(wiped_memory());
  data.emplace("ciphertext", made.text);
  data.emplace("key_version", made.version);
  put_base64(data, "shared_secret", made.secret.view());
  return Answer::with(std::move(data));
}

Result<Answer> TransitBackend::decapsulate(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const std::string_view ciphertext = call.fields.text_view("ciphertext");
  if (ciphertext.empty()) return fail(ErrorCode::BadInput, "missing ciphertext", "ciphertext");
  POSTERN_TRY(const KeyRef key, for_client(engine->get(call.fields.text_view("name"))));
  POSTERN_TRY(const SecretBytes secret, for_client(key.decapsulate(ciphertext)));
  json::object data(wiped_memory());
  put_base64(data, "shared_secret", secret.view());
  return Answer::with(std::move(data));
}

}  // namespace postern::vault
