#include <charconv>

#include "base/text.hpp"
#include "secrets/transit_backend.hpp"
#include "secrets/transit_batch.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

constexpr std::int64_t kDefaultBytes = 32;

/// random/SOURCE/N, random/SOURCE, random/N: the only segment may be either.
struct RandomWish {
  std::string source;
  std::int64_t bytes = kDefaultBytes;
};

Result<std::int64_t> count_from(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failed != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::BadInput, "error parsing url-set byte count; it must be a number", "bytes");
  return count;
}

bool is_source(std::string_view text) { return text == "platform" || text == "seal" || text == "all"; }

Result<RandomWish> random_wish(const Fields& fields) {
  RandomWish wish{fields.text("source"), fields.integer("bytes")};
  const std::string count = fields.text("urlbytes");
  if (!count.empty()) {
    POSTERN_TRY(wish.bytes, count_from(count));
  } else if (!wish.source.empty() && !is_source(wish.source) && is_digit(wish.source.front())) {
    POSTERN_TRY(wish.bytes, count_from(wish.source));
    wish.source = "platform";
  }
  if (!is_source(wish.source))
    return fail(ErrorCode::BadInput, "unsupported entropy source \"" + printable(wish.source) + "\"; use \"platform\"", "source");
  if (wish.source == "seal") return fail(ErrorCode::BadInput, "no seal of this engine is a source of entropy; use \"platform\"", "source");
  return wish;
}

Status check_format(std::string_view format) {
  if (format == "base64" || format == "hex") return {};
  return fail(ErrorCode::BadInput, "unsupported encoding format \"" + printable(format) + R"("; must be "hex" or "base64")", "format");
}

void put_as(json::object& data, std::string_view name, std::string_view format, ByteView bytes) {
  if (format == "base64") return put_base64(data, name, bytes);
  std::string text = hex_encode(bytes);
  data.emplace(name, text);
  wipe(text);
}

}  // namespace

Result<Answer> TransitBackend::random(const Call& call) {
  const std::string format = call.fields.text("format");
  POSTERN_CHECK(check_format(format));
  POSTERN_TRY(const RandomWish wish, random_wish(call.fields));
  POSTERN_TRY(const auto bytes, for_client(transit::random_bytes(wish.bytes)));
  json::object data(wiped_memory());
  put_as(data, "random_bytes", format, bytes);
  return Answer::with(std::move(data));
}

Result<Answer> TransitBackend::hash(const Call& call) {
  const std::string format = call.fields.text("format");
  POSTERN_CHECK(check_format(format));
  std::string name = call.fields.text("urlalgorithm");
  if (name.empty()) name = call.fields.text("algorithm");
  POSTERN_TRY(const HashAlgorithm algorithm, for_client(transit::hash_algorithm_from_name(name)));
  WipedBuffer buffer;
  const auto input = decoded(call.fields.text_view("input"), buffer, "input");
  if (!input) return fail(ErrorCode::BadInput, "unable to decode input as base64", "input");
  json::object data(wiped_memory());
  put_as(data, "sum", format, digest(algorithm, *input));
  return Answer::with(std::move(data));
}

}  // namespace postern::vault
