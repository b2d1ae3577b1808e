// The form of an item in its row: JSON, whose fields are said once for both ways. A field that is not there keeps its default, so that rows
// of earlier builds are read; a number outside its enumeration is a damaged row.
#include <boost/json.hpp>
#include <type_traits>

#include "cabinet/search.hpp"

namespace postern::cabinet {
namespace {

namespace json = boost::json;

// Each value's fields, once. `v` is a Writer or a Reader.
template <class V, class T>
void fields(V& v, T& x)
  requires std::same_as<std::remove_const_t<T>, Recipient>
{
  v("address", x.address), v("kind", x.kind), v("report", x.report), v("receipt", x.receipt), v("non_receipt", x.non_receipt);
  v("return", x.return_message), v("reply", x.reply_requested), v("precedence", x.precedence), v("alternate", x.alternate);
  v("stage", x.stage), v("words", x.words), v("delivered", x.delivered_at), v("read", x.read_at), v("actual", x.actual);
}
template <class V, class T>
void fields(V& v, T& x)
  requires std::same_as<std::remove_const_t<T>, Copy>
{
  v("state", x.state), v("mts", x.mts_identifier), v("size", x.size), v("sha256", x.sha256), v("recipients", x.recipients);
}
template <class V, class T>
void fields(V& v, T& x)
  requires std::same_as<std::remove_const_t<T>, Event>
{
  v("time", x.time), v("what", x.what), v("who", x.who), v("text", x.text);
}
template <class V, class T>
void fields(V& v, T& x)
  requires std::same_as<std::remove_const_t<T>, Origin>
{
  v("account", x.account), v("sequence", x.sequence), v("entry", x.entry);
}
template <class V, class T>
void fields(V& v, T& x)
  requires std::same_as<std::remove_const_t<T>, Step>
{
  v("time", x.time), v("ms", x.millis), v("step", x.name), v("ok", x.ok), v("text", x.text);
}
/// Without what the row has in columns.
template <class V, class T>
void fields(V& v, T& x)
  requires std::same_as<std::remove_const_t<T>, Item>
{
  v("from", x.from), v("subject", x.subject), v("to", x.to), v("type", x.content_type), v("cid", x.content_identifier);
  v("own_cid", x.has_own_content_identifier), v("version", x.version);
  v("mts", x.mts_identifier), v("ipm_user", x.ipm_user), v("ipm", x.ipm_identifier), v("priority", x.priority);
  v("importance", x.importance), v("sensitivity", x.sensitivity), v("expires", x.expires), v("reply_by", x.reply_by);
  v("strategy", x.strategy), v("deferred", x.deferred_until), v("latest", x.latest_delivery);
  v("eits", x.encoded_types), v("flags", x.flags), v("rn", x.receipt_requested), v("nrn", x.non_receipt_requested);
  v("pass", x.pass_through), v("reason", x.reason), v("about", x.subject_message), v("origin", x.origin), v("attributes", x.attributes);
  v("recipients", x.recipients), v("copies", x.copies), v("history", x.history);
}

// The most that an enumeration of these values has.
constexpr std::int64_t last_of(RecipientKind) { return static_cast<std::int64_t>(RecipientKind::Bcc); }
constexpr std::int64_t last_of(State) { return static_cast<std::int64_t>(State::Cancelled); }
constexpr std::int64_t last_of(Kind) { return static_cast<std::int64_t>(Kind::Notification); }
constexpr std::int64_t last_of(ipm::Stage) { return static_cast<std::int64_t>(ipm::Stage::NotRead); }
constexpr std::int64_t last_of(ipm::ImportanceField) { return static_cast<std::int64_t>(ipm::ImportanceField::High); }
constexpr std::int64_t last_of(ipm::SensitivityField) { return static_cast<std::int64_t>(ipm::SensitivityField::CompanyConfidential); }
template <class E>
constexpr std::int64_t last_of(E value) {
  return static_cast<std::int64_t>(range_of(value).last);
}

template <class T>
concept Record = std::is_class_v<T> && requires(T& x) { x = T(); } && !std::same_as<T, std::string>;

class Writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    m_out[name] = form(value);
  }
  [[nodiscard]] json::object take() && { return std::move(m_out); }

 private:
  static json::value form(const std::string& text) { return json::value(text); }
  static json::value form(bool flag) { return flag; }
  template <class T>
    requires std::is_integral_v<T>
  static json::value form(T number) {
    return number;
  }
  template <class E>
    requires std::is_enum_v<E>
  static json::value form(E value) {
    return static_cast<std::int64_t>(value);
  }
  template <class T>
  static json::value form(const std::optional<T>& value) {
    return value ? form(*value) : json::value(nullptr);
  }
  template <class T>
  static json::value form(const std::vector<T>& values) {
    json::array out;
    for (const T& each : values) out.push_back(form(each));
    return out;
  }
  static json::value form(const std::map<std::string, std::string>& values) {
    json::object out;
    for (const auto& [name, value] : values) out[name] = value;
    return out;
  }
  template <Record T>
  static json::value form(const T& record) {
    Writer inner;
    fields(inner, record);
    return std::move(inner).take();
  }
  json::object m_out;
};

class Reader {
 public:
  explicit Reader(const json::object& in) : m_in(in) {}
  template <class T>
  void operator()(const char* name, T& value) {
    if (const json::value* found = m_in.if_contains(name)) m_good = take(*found, value) && m_good;
  }
  [[nodiscard]] bool good() const noexcept { return m_good; }

 private:
  static bool take(const json::value& in, std::string& out) {
    if (!in.is_string()) return false;
    out = in.as_string();
    return true;
  }
  static bool take(const json::value& in, bool& out) {
    if (!in.is_bool()) return false;
    out = in.as_bool();
    return true;
  }
  template <class T>
    requires std::is_integral_v<T>
  static bool take(const json::value& in, T& out) {
    boost::system::error_code wrong;
    out = in.to_number<T>(wrong);
    return !wrong;
  }
  template <class E>
    requires std::is_enum_v<E>
  static bool take(const json::value& in, E& out) {
    std::int64_t number = -1;
    if (!take(in, number) || number < 0 || number > last_of(E{})) return false;
    out = static_cast<E>(number);
    return true;
  }
  template <class T>
  static bool take(const json::value& in, std::optional<T>& out) {
    out.reset();
    return in.is_null() || take(in, out.emplace());
  }
  template <class T>
  static bool take(const json::value& in, std::vector<T>& out) {
    if (!in.is_array()) return false;
    out.clear();
    for (const json::value& each : in.as_array())
      if (!take(each, out.emplace_back())) return false;
    return true;
  }
  static bool take(const json::value& in, std::map<std::string, std::string>& out) {
    if (!in.is_object()) return false;
    for (const auto& each : in.as_object())
      if (!take(each.value(), out[std::string(each.key())])) return false;
    return true;
  }
  template <Record T>
  static bool take(const json::value& in, T& out) {
    if (!in.is_object()) return false;
    Reader inner(in.as_object());
    fields(inner, out);
    return inner.good();
  }
  const json::object& m_in;
  bool m_good = true;
};

template <class T>
Bytes form(const T& record) {
  Writer writer;
  fields(writer, record);
  return to_bytes(json::serialize(std::move(writer).take()));
}

template <class T>
Status read(ByteView octets, T& out) {
  boost::system::error_code wrong;
  const json::value parsed = json::parse(as_text(octets), wrong);
  if (!wrong && parsed.is_object()) {
    Reader reader(parsed.as_object());
    fields(reader, out);
    if (reader.good()) return {};
  }
  return fail(ErrorCode::IntegrityFailed, "a row of the X.400 mailbox is not in the form that this version reads");
}

bool fits(const CabinetRow& row) { return row.kind >= 0 && row.kind <= last_of(Kind{}) && row.state >= 0 && row.state <= last_of(State{}); }

}  // namespace

CabinetRow row_of(const Item& item) {
  CabinetRow out{item.id,      item.folder, static_cast<int>(item.kind), static_cast<int>(item.state), item.unopened, item.created,
                 item.changed, form(item)};
  out.priority = static_cast<int>(item.priority);
  out.outcomes = outcomes_of(item);
  out.brief = brief_of(item);
  return out;
}

Result<Item> item_of(const CabinetRow& row) {
  if (!fits(row)) return fail(ErrorCode::IntegrityFailed, "a row of the X.400 mailbox has a state that this version does not know");
  Item out;
  POSTERN_CHECK(read(row.facts, out));
  out.id = row.id, out.folder = row.folder, out.kind = static_cast<Kind>(row.kind), out.state = static_cast<State>(row.state);
  out.unopened = row.unopened, out.created = row.created, out.changed = row.changed;
  return out;
}

Bytes form_of(const Step& step) { return form(step); }
Result<Step> step_of(ByteView octets) {
  Step out;
  POSTERN_CHECK(read(octets, out));
  return out;
}

}  // namespace postern::cabinet
