#include "secrets/transit_batch.hpp"

#include <limits>

#include "base/base64.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

tl::unexpected<Error> bad_batch(std::size_t index, std::string_view field, std::string_view what) {
  std::string text = "failed to parse batch input: '[" + std::to_string(index) + "]";
  if (!field.empty()) text.append(".").append(field);
  return fail(ErrorCode::BadInput, text.append("' ").append(what), "batch_input");
}

/// One pass over the members of items, so that a batch costs one comparison or two for each.
class ItemReader {
 public:
  explicit ItemReader(const BatchShape& shape) : m_shape(shape) {}

  [[nodiscard]] Result<BatchItem> read(const json::object& object, std::size_t index) {
    m_item = {};
    for (const auto& [name, value] : object) {
      if (value.is_null()) continue;
      if (name == "key_version") {
        POSTERN_CHECK(take_version(value, index));
      } else if (name == "nonce") {
        m_item.foreign = !value.is_string() || !value.get_string().empty();
      } else if (std::string_view* const place = place_of(name)) {
        if (!value.is_string()) return bad_batch(index, name, "expected type 'string'");
        *place = value.get_string();
      }
    }
    if (!m_item.input && m_shape.input_required) return bad_batch(index, m_shape.input, m_shape.missing);
    return m_item;
  }

 private:
  [[nodiscard]] std::string_view* place_of(std::string_view name) {
    if (name == m_shape.input) return &m_item.input.emplace();
    if (name == "context") return &m_item.context;
    if (name == "reference") return &m_item.reference;
    if (name == "associated_data") return &m_item.associated_data;
    if (name == "signature") return &m_item.signature.emplace();
    if (name == "hmac") return &m_item.hmac.emplace();
    return nullptr;
  }
  [[nodiscard]] Status take_version(const json::value& value, std::size_t index) {
    const auto number = weak_integer(value);
    const auto version = number ? key_version_from(*number) : Result<std::uint32_t>(fail(ErrorCode::BadInput, ""));
    if (!version) return bad_batch(index, "key_version", "expected a version number");
    m_item.key_version = *version;
    return {};
  }

  const BatchShape& m_shape;
  BatchItem m_item;
};

Result<std::vector<BatchItem>> read_items(const json::value& batch, const BatchShape& shape) {
  const json::array* array = batch.if_array();
  if (array == nullptr) return fail(ErrorCode::BadInput, "failed to parse batch input: expected an array of objects", "batch_input");
  if (array->empty()) return fail(ErrorCode::BadInput, "missing batch input to process", "batch_input");
  std::vector<BatchItem> items;
  items.reserve(array->size());
  ItemReader reader(shape);
  for (const json::value& value : *array) {
    const json::object* object = value.if_object();
    if (object == nullptr) return bad_batch(items.size(), {}, "expected an object");
    POSTERN_TRY(const BatchItem item, reader.read(*object, items.size()));
    items.push_back(item);
  }
  return items;
}

/// A field of the call itself, if the path has it. Numbers and bools are no secrets and no base64: only strings count.
std::optional<std::string_view> text_of(const Call& call, std::string_view name) {
  const json::value* value = call.request.data.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

Result<BatchItem> read_single(const Call& call, const BatchShape& shape) {
  BatchItem item;
  item.input = text_of(call, shape.input);
  if (!item.input && shape.input_required) return fail(ErrorCode::BadInput, std::string(shape.missing), std::string(shape.input));
  item.signature = text_of(call, "signature");
  item.hmac = text_of(call, "hmac");
  item.context = text_of(call, "context").value_or("");
  item.associated_data = text_of(call, "associated_data").value_or("");
  item.foreign = !text_of(call, "nonce").value_or("").empty();
  POSTERN_TRY(item.key_version, key_version_from(call.fields.integer("key_version")));
  return item;
}

}  // namespace

Result<Batch> Batch::read(const Call& call, const BatchShape& shape) {
  const json::value& given = call.fields.raw("batch_input");
  if (given.is_null()) return read_one(call, shape);
  Batch batch;
  batch.m_single = false;
  POSTERN_TRY(batch.m_items, read_items(given, shape));
  return batch;
}

Result<Batch> Batch::read_one(const Call& call, const BatchShape& shape) {
  Batch batch;
  POSTERN_TRY(batch.m_items.emplace_back(), read_single(call, shape));
  return batch;
}

Result<bool> Batch::with_context() const {
  const bool with = !m_items.front().context.empty();
  for (const BatchItem& item : m_items) {
    if (item.context.empty() == with)
      return fail(ErrorCode::BadInput, "context should be set either in all the request blocks or in none", "context");
  }
  return with;
}

BatchAnswer::BatchAnswer(const Batch& batch) : m_batch(batch), m_memory(wiped_memory()), m_results(m_memory) {
  m_results.reserve(batch.items().size());
}

json::object& BatchAnswer::next() {
  json::object& result = m_results.emplace_back(json::object_kind).get_object();
  result.reserve(4);
  return result;
}

void BatchAnswer::put_error(json::object& result, Error error) {
  const bool internal = error.code == ErrorCode::Internal || error.code == ErrorCode::Unavailable || error.code == ErrorCode::Timeout;
  ++(internal ? m_internal_errors : m_user_errors);
  // What went wrong inside stands in the log by the core for single calls; a client learns that it was not its own fault.
  result.emplace("error", error.code == ErrorCode::Internal ? std::string("internal error") : error.what);
  if (!m_first) m_first = std::move(error);
}

Result<Answer> BatchAnswer::finish() && {
  if (m_batch.single()) {
    if (m_first) return fail(*std::move(m_first));
    return Answer::with(std::move(m_results.front().get_object()));
  }
  json::object data(m_memory);
  data.emplace("batch_results", std::move(m_results));
  return Answer::with(std::move(data));
}

Result<Answer> BatchAnswer::finish_strict(std::optional<std::int64_t> partial) && {
  const std::size_t failures = m_user_errors + m_internal_errors;
  const int status = failures == 0 ? 0 : m_user_errors > 0 ? 400 : 500;
  const bool some = failures < m_batch.items().size();
  const bool single = m_batch.single();
  POSTERN_TRY(Answer answer, std::move(*this).finish());
  if (single || status == 0) return answer;
  answer.status = status;
  if (!partial || !some) return answer;
  if (*partial >= 1 && *partial <= 599)
    answer.status = static_cast<int>(*partial);
  else
    answer.warnings.push_back("invalid HTTP response code override from partial_failure_response_code, reverting to " +
                              std::to_string(status));
  return answer;
}

Result<ByteView> decoded(std::string_view text, WipedBuffer& buffer, std::string_view what) {
  const ByteSpan room = buffer.resize(base64_room(text.size()));
  const auto size = base64_read(text, room);
  if (!size) return fail(ErrorCode::BadInput, "failed to base64-decode " + std::string(what), std::string(what));
  return ByteView(room).first(*size);
}

void put_base64(json::object& object, std::string_view name, ByteView bytes) {
  json::value& value = object[name];
  json::string& text = value.emplace_string();
  text.resize(base64_size(bytes.size()));
  base64_write(bytes, text.data());
}

Result<std::uint32_t> key_version_from(std::int64_t number) {
  if (number < 0) return fail(ErrorCode::BadInput, "requested version for encryption is negative", "key_version");
  if (number > std::numeric_limits<std::int32_t>::max())
    return fail(ErrorCode::BadInput, "requested version for encryption is higher than the latest key version", "key_version");
  return static_cast<std::uint32_t>(number);
}

Error as_client_error(Error error) {
  switch (error.code) {
    case ErrorCode::Denied:
    case ErrorCode::NotFound:
    case ErrorCode::Conflict:
    case ErrorCode::Exhausted:
    case ErrorCode::Unsupported:
    case ErrorCode::IntegrityFailed: error.code = ErrorCode::BadInput; break;
    default: break;
  }
  return error;
}

}  // namespace postern::vault
