#include "secrets/kv.hpp"
#include "secrets/kv_plain.hpp"
#include "secrets/kv_versioned.hpp"

namespace postern::vault {
namespace {

const FieldSpec kPath{"path", FieldType::String, {}, "Where the secret lies."};
const FieldSpec kVersion{"version", FieldType::Integer, {}, "Which version; without it the current one."};
const FieldSpec kVersions{"versions", FieldType::Integers, {}, "Which versions."};
const FieldSpec kMaxVersions{"max_versions", FieldType::Integer, {}, "How many versions are kept; 0: what the mount says, or 10."};
const FieldSpec kCasRequired{"cas_required", FieldType::Bool, {}, "Whether every write must say which version it replaces."};
const FieldSpec kAfter{"after", FieldType::String, {}, "LIST: only names behind this one."};
const FieldSpec kLimit{"limit", FieldType::Integer, {}, "LIST: at most so many names."};

}  // namespace

KvVersioned::KvVersioned() {
  add_data_paths();
  add_metadata_paths();
  add_wrong_paths();
}

void KvVersioned::add_data_paths() {
  add_path("data/{path...?}", "Reads, writes, patches and softly deletes a secret.",
           {kPath,
            kVersion,
            {"data", FieldType::Object, {}, "What is kept."},
            {"options", FieldType::Object, {}, "cas: the version this write replaces; 0: only if there is none."}},
           {{Operation::Read, handler(&KvVersioned::read)},
            {Operation::Create, handler(&KvVersioned::write)},
            {Operation::Update, handler(&KvVersioned::write)},
            {Operation::Patch, handler(&KvVersioned::patch)},
            {Operation::Delete, handler(&KvVersioned::remove)}})
      .exists = [this](const Call& call) { return exists(call); };
  add_path("delete/{path...?}", "Marks versions as deleted; undelete brings them back.", {kPath, kVersions},
           {{Operation::Update, handler(&KvVersioned::remove_versions)}});
  add_path("undelete/{path...?}", "Brings deleted versions back.", {kPath, kVersions},
           {{Operation::Update, handler(&KvVersioned::restore_versions)}});
  add_path("destroy/{path...?}", "Forgets the data of versions for good.", {kPath, kVersions},
           {{Operation::Update, handler(&KvVersioned::destroy_versions)}});
  add_path("subkeys/{path...?}", "The names in a secret without their values.",
           {kPath, kVersion, {"depth", FieldType::Integer, {}, "How deep; 0: all of it."}},
           {{Operation::Read, handler(&KvVersioned::subkeys)}});
}

void KvVersioned::add_metadata_paths() {
  add_path("config", "Settings for every secret of this mount.",
           {kMaxVersions,
            kCasRequired,
            {"delete_version_after", FieldType::SignedDuration, {}, "When versions count as deleted; negative: never."}},
           {{Operation::Read, handler(&KvVersioned::read_config)}, {Operation::Update, handler(&KvVersioned::write_config)}});
  add_path("metadata/{path...?}", "Versions and settings of a secret; DELETE forgets all of it.",
           {kPath,
            kMaxVersions,
            kCasRequired,
            {"delete_version_after", FieldType::Duration, {}, "When new versions count as deleted."},
            {"custom_metadata", FieldType::Object, {}, "Names and texts of the user's own."},
            kAfter,
            kLimit},
           {{Operation::Read, handler(&KvVersioned::read_metadata)},
            {Operation::Create, handler(&KvVersioned::write_metadata)},
            {Operation::Update, handler(&KvVersioned::write_metadata)},
            {Operation::Patch, handler(&KvVersioned::patch_metadata)},
            {Operation::Delete, handler(&KvVersioned::remove_metadata)},
            {Operation::List, handler(&KvVersioned::list_metadata)},
            {Operation::Scan, handler(&KvVersioned::scan_metadata)}})
      .exists = [this](const Call& call) { return exists(call); };
  add_path("detailed-metadata/{path...?}", "Lists secrets together with their metadata.", {kPath, kAfter, kLimit},
           {{Operation::List, handler(&KvVersioned::list_detailed)}});
}

/// Clients that do not know what version a mount has come by the paths of version 1; a plain 404 would mislead them.
void KvVersioned::add_wrong_paths() {
  const auto wrong = [](std::string_view verb) -> Handler {
    const std::string text =
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. "
        "If using the CLI, use 'kv " +
        std::string(verb) + "' for this operation.";
    return [text](const Call&) -> Result<Answer> {
      Answer answer = only_status(404);
      answer.warnings.push_back(text);
      return answer;
    };
  };
  add_path("{path...?}", "Not a path of a versioned mount.", {kPath},
           {{Operation::Read, wrong("get")},
            {Operation::Update, wrong("put")},
            {Operation::Patch, wrong("patch")},
            {Operation::Delete, wrong("delete")},
            {Operation::List, wrong("list")}});
}

Result<std::unique_ptr<Backend>> make_kv(const std::vector<std::pair<std::string, std::string>>& options, const Clock& /*clock*/) {
  std::string version = "1";
  for (const auto& [name, value] : options) {
    if (name != "version") return fail(ErrorCode::BadInput, "the kv engine has no option \"" + name + "\"; it has \"version\"", "options");
    version = value;
  }
  if (version == "1") return std::make_unique<KvPlain>(KvPlain::Kind::Shared);
  if (version == "2") return std::make_unique<KvVersioned>();
  return fail(ErrorCode::BadInput, "option version of the kv engine must be \"1\" or \"2\"", "options");
}

Result<std::unique_ptr<Backend>> make_cubbyhole(const std::vector<std::pair<std::string, std::string>>& options, const Clock& /*clock*/) {
  if (!options.empty()) return fail(ErrorCode::BadInput, "the cubbyhole takes no options", "options");
  return std::make_unique<KvPlain>(KvPlain::Kind::Cubbyhole);
}

}  // namespace postern::vault
