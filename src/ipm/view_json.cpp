#include "ipm/view_json.hpp"

#include <boost/json.hpp>

namespace postern::ipm {
namespace {

namespace json = boost::json;

json::object json_of(const PartView& part) {
  json::object out{{"number", part.number}, {"kind", name_of(part.kind)}, {"type", part.type}};
  if (!part.text.empty()) out["text"] = part.text;
  if (!part.remark.empty()) out["remark"] = part.remark;
  if (!part.file_name.empty()) out["file"] = part.file_name;
  if (!part.content.empty()) out["octets"] = part.content.size();
  if (part.message) out["message"] = view_json(*part.message);
  return out;
}

}  // namespace

json::object view_json(const MessageView& view) {
  json::array fields, parts;
  for (const FieldLine& each : view.fields) fields.push_back({{"name", each.name}, {"text", each.text}});
  for (const PartView& each : view.parts) parts.push_back(json_of(each));
  json::object out{{"subject", view.subject}, {"fields", std::move(fields)}, {"parts", std::move(parts)}};
  if (view.cut) out["cut"] = true;
  return out;
}

}  // namespace postern::ipm
