#include "engine_audit.hpp"

#include <ostream>

#include "engine/audit_check.hpp"
#include "gateway/root_secrets.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

json::object fault_json(const BlockFault& fault) {
  json::object out{{"kind", name_of(fault.kind)},
                   {"file", fault.file},
                   {"offset", fault.block.offset},
                   {"bytes", fault.block.bytes},
                   {"text", fault.text}};
  if (fault.kind == BlockFault::Kind::Uncovered) return out;
  out["first_line"] = fault.block.first_line;
  out["last_line"] = fault.block.last_line;
  return out;
}

json::object file_json(const engine::AuditFileVerdict& file) {
  json::array faults;
  for (const BlockFault& fault : file.faults) faults.push_back(fault_json(fault));
  return {{"file", file.file},
          {"read", json::value_from(file.read)},
          {"lines", file.lines},
          {"absent_lines", file.absent_lines},
          {"found_lines", file.found_lines},
          {"young_bytes", file.young_bytes},
          {"faults", std::move(faults)}};
}

std::string lines_of(const json::value& fault) {
  if (at(fault, "first_line").is_null()) return text_of(fault, "bytes") + " bytes from byte " + text_of(fault, "offset") + " on";
  const std::string first = text_of(fault, "first_line"), last = text_of(fault, "last_line");
  return first == last ? "line " + first : "lines " + first + " to " + last;
}

void show_file(const json::value& file, std::ostream& out) {
  out << "  " << text_of(file, "file") << ": " << text_of(file, "lines") << " lines";
  if (text_of(file, "found_lines") != "0") out << ", " << text_of(file, "found_lines") << " of them from right before a kill";
  if (text_of(file, "absent_lines") != "0") out << ", " << text_of(file, "absent_lines") << " more in files that are not here";
  if (text_of(file, "young_bytes") != "0") out << ", " << text_of(file, "young_bytes") << " bytes too young for the chain";
  out << "\n";
  for (const json::value& fault : list_of(file, "faults"))
    out << "  " << text_of(fault, "file") << ": " << lines_of(fault) << " " << text_of(fault, "kind") << ": " << text_of(fault, "text")
        << "\n";
}

}  // namespace

json::object verdict_json(const AuditVerdict& verdict, bool ok) {
  json::object out{
      {"ok", ok}, {"entries", verdict.entries}, {"head", {{"sequence", verdict.head.sequence}, {"hash", hex_encode(verdict.head.hash)}}}};
  if (!verdict.fault) return out;
  out["fault"] = {{"kind", name_of(verdict.fault->kind)}, {"sequence", verdict.fault->sequence}, {"text", verdict.fault->text}};
  return out;
}

Result<std::optional<json::object>> verify_engine(const Global& global) {
  POSTERN_TRY(const auto config, configuration(global));
  if (!config.engine.enabled) return std::optional<json::object>();
  SecretBytes key;
  if (config.database.use_sqlcipher) {
    POSTERN_TRY(key, gateway::sqlcipher_key(config, CreateRootKey::No));
  }
  const auto verdict = engine::verify_engine_audit(config, std::move(key));
  if (!verdict && verdict.error().code == ErrorCode::NotFound) return std::optional<json::object>();
  if (!verdict) return fail(verdict.error());
  json::object out = verdict_json(verdict->chain, verdict->whole());
  json::array files;
  for (const auto& file : verdict->files) files.push_back(file_json(file));
  out["files"] = std::move(files);
  return std::optional(std::move(out));
}

void show_engine_verdict(const json::value& verdict, std::ostream& out) {
  if (text_of(verdict, "ok") == "true") {
    out << "the key engine's audit is whole: " << text_of(verdict, "entries") << " entries, head " << text_of(at(verdict, "head"), "hash")
        << "\n";
  } else if (at(verdict, "fault").is_null()) {
    out << "the key engine's audit was TAMPERED WITH in its files:\n";
  } else {
    out << "the key engine's audit was TAMPERED WITH at entry " << text_of(at(verdict, "fault"), "sequence") << ": "
        << text_of(at(verdict, "fault"), "text") << "\n";
  }
  for (const json::value& file : list_of(verdict, "files")) show_file(file, out);
}

}  // namespace postern::cli
