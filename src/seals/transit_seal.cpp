#include "seals/transit_seal.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <new>

#include "base/cursor.hpp"
#include "base/text.hpp"
#include "crypto/random.hpp"

namespace postern::seals {
namespace {

constexpr std::size_t kKey = 32;
constexpr std::size_t kMostName = 255;
constexpr std::size_t kMostCiphertext = 4096;

bool is_segment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

// Only its status is told: a server's own words may repeat what it was sent.
Error status_error(unsigned status, bool opening, const TransitKey& key) {
  const std::string place = key.mount + "/" + key.key;
  const std::string said = "the other Vault answered " + std::to_string(status) + " for " + place;
  if (status == 400 && opening)
    return {ErrorCode::IntegrityFailed, said + ": its key does not open the blob (changed, or the version is below min_decryption_version)",
            "seal"};
  if (status == 403) return {ErrorCode::Denied, said + ": give the token a policy with update on its encrypt and decrypt paths", "seal"};
  if (status == 404 || status == 400)
    return {ErrorCode::Unavailable, said + ": see that the mount is a transit engine and the key exists there", "seal"};
  return {ErrorCode::Unavailable, said + ": see that it is up and unsealed, then try again", "seal"};
}

SecretBytes body_of(std::string_view name, std::string_view value) {
  std::string text;
  text.reserve(name.size() + value.size() + 8);  // or a part of it would be left behind where it grew
  text.append("{\"").append(name).append("\":\"").append(value).append("\"}");
  SecretBytes out = SecretBytes::from_text(text);
  wipe(text);
  return out;
}

/// data.NAME of a reply. The JSON tree lies in memory that is wiped.
Result<SecretBytes> data_of(const TransitReply& reply, std::string_view name) {
  if (reply.body.size() > kTransitReply) return fail(ErrorCode::TooLarge, "the other Vault answers with more than 64 KiB", "seal");
  SecretBytes memory(4 * kTransitReply);
  boost::json::static_resource resource(memory.span().data(), memory.size());
  boost::system::error_code error;
  try {
    const auto root = boost::json::parse(as_text(reply.body.view()), error, &resource, {.max_depth = 16});
    const auto* object = error ? nullptr : root.if_object();
    const auto* data = object != nullptr ? object->if_contains("data") : nullptr;
    const auto* fields = data != nullptr ? data->if_object() : nullptr;
    const auto* value = fields != nullptr ? fields->if_contains(name) : nullptr;
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    if (text != nullptr) return SecretBytes::from_text({text->data(), text->size()});
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::TooLarge, "the other Vault's answer is too large to be read", "seal");
  }
  return fail(ErrorCode::Unavailable,
              "the other Vault's answer has no data." + std::string(name) + ": see that the address is that of a Vault", "seal");
}

Result<std::string> check_ciphertext(ByteView bytes) {
  POSTERN_TRY(std::string text, recipe_text(bytes, kMostCiphertext, "ciphertext"));
  // It goes into JSON as it is.
  const bool plain =
      std::ranges::all_of(text, [](char c) { return is_alnum(c) || std::string_view("+/=:_-").find(c) != std::string_view::npos; });
  if (!plain || !text.starts_with("vault:v")) return fail(ErrorCode::BadInput, "is not a transit ciphertext (vault:v1:...)", "ciphertext");
  return text;
}

Result<SecretBytes> key_from_base64(ByteView text) {
  auto decoded = base64_decode(as_text(text));
  if (!decoded || decoded->size() != kKey)
    return fail(ErrorCode::IntegrityFailed, "the other Vault opened something that is no key: the blob was changed", "seal");
  SecretBytes key(*decoded);
  wipe(*decoded);
  return key;
}

class TransitSeal final : public EnvelopeSeal {
 public:
  explicit TransitSeal(TransitSealOptions options) : EnvelopeSeal("transit", std::move(options.name)), m_options(std::move(options)) {}

 private:
  Result<SecretBytes> ask(const TransitKey& key, bool opening, SecretBytes body) {
    POSTERN_TRY(const TransitReply reply,
                m_options.exchange({key.mount + (opening ? "/decrypt/" : "/encrypt/") + key.key, std::move(body)}));
    if (reply.status != 200) return fail(status_error(reply.status, opening, key));
    return data_of(reply, opening ? "plaintext" : "ciphertext");
  }

  Result<FreshKey> fresh_key() override {
    SecretBytes key = random_key(kKey);
    std::string encoded = base64_encode(key.view());
    SecretBytes body = body_of("plaintext", encoded);
    wipe(encoded);
    POSTERN_TRY(const SecretBytes answer, ask(m_options.key, false, std::move(body)));
    auto ciphertext = check_ciphertext(answer.view());
    if (!ciphertext) return fail(ErrorCode::Unavailable, "the other Vault answers with something that is no transit ciphertext", "seal");
    return FreshKey{BlobKind::Transit, std::move(key), write_transit_recipe({m_options.key, *std::move(ciphertext)})};
  }

  Result<SecretBytes> key_of(BlobKind kind, ByteView bytes) override {
    POSTERN_CHECK(expect_kind(kind, BlobKind::Transit));
    POSTERN_TRY(const TransitRecipe recipe, read_transit_recipe(bytes));
    POSTERN_TRY(const SecretBytes answer, ask(recipe.key, true, body_of("ciphertext", recipe.ciphertext)));
    return key_from_base64(answer.view());
  }

  TransitSealOptions m_options;
};

}  // namespace

Result<TransitKey> parse_transit_key(std::string_view text) {
  if (text.size() > kMostName) return fail(ErrorCode::TooLarge, "mount and key have 255 bytes at most", "seal");
  const auto parts = split(text, '/');
  if (parts.size() < 2 || !std::ranges::all_of(parts, is_segment))
    return fail(ErrorCode::BadInput, "write transit:MOUNT/KEY, of letters, digits, '-', '_' and '.'", "seal");
  const std::size_t slash = text.rfind('/');
  return TransitKey{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

Result<TransitRecipe> read_transit_recipe(ByteView bytes) {
  ByteReader reader(bytes);
  POSTERN_TRY(const ByteView place, reader.read_block("key"));
  POSTERN_TRY(const ByteView ciphertext, reader.read_block("ciphertext"));
  if (!reader.at_end()) return fail(ErrorCode::BadInput, "goes on after its end", "recipe");
  TransitRecipe out;
  POSTERN_TRY(out.key, parse_transit_key(as_text(place)));
  POSTERN_TRY(out.ciphertext, check_ciphertext(ciphertext));
  return out;
}

Bytes write_transit_recipe(const TransitRecipe& recipe) {
  ByteWriter writer;
  writer.write_block(recipe.key.mount + "/" + recipe.key.key).write_block(recipe.ciphertext);
  return std::move(writer).take();
}

Result<std::unique_ptr<Seal>> make_transit_seal(TransitSealOptions options) {
  if (!options.exchange) return fail(ErrorCode::BadInput, "needs the address and token of the other Vault", "seal");
  return std::make_unique<TransitSeal>(std::move(options));
}

}  // namespace postern::seals
