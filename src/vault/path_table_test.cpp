#include "vault/path_table.hpp"

#include <gmock/gmock.h>

namespace postern::vault {
namespace {

PathSpec spec(std::string pattern, std::vector<FieldSpec> fields = {}) {
  PathSpec out;
  out.pattern = std::move(pattern);
  out.fields = std::move(fields);
  return out;
}

class PathTableTest : public ::testing::Test {
 protected:
  // The pattern that was found and its captures, or "none".
  std::string found(std::string_view path, Operation operation = Operation::Read) const {
    const std::optional<PathMatch> match = m_table.match(path, operation);
    if (!match) return "none";
    std::string out = match->spec->pattern;
    for (const auto& [name, text] : match->captures) out += " " + std::string(name) + "=" + text;
    return out;
  }
  const std::vector<FieldSpec> m_named{{"name", FieldType::Name}};
  const std::vector<FieldSpec> m_path{{"path", FieldType::String}};
  const std::vector<PathSpec> m_specs{spec("keys"),
                                      spec("keys/{name}", m_named),
                                      spec("keys/{name}/config", m_named),
                                      spec("keys/import", {}),
                                      spec("{kind}/{name}", {{"kind", FieldType::String}, {"name", FieldType::Name}}),
                                      spec("data/{path...}", m_path),
                                      spec("metadata/{path...?}", m_path),
                                      spec("hmac/{name}", m_named),
                                      spec("hmac/{name}/{algorithm}", {{"name", FieldType::Name}, {"algorithm", FieldType::String}})};
  const PathTable m_table{m_specs};
};

TEST_F(PathTableTest, LiteralsBeatCapturesAndThereIsAWayBack) {
  EXPECT_EQ(found("keys"), "keys");
  EXPECT_EQ(found("keys/import"), "keys/import");
  EXPECT_EQ(found("keys/import/config"), "keys/{name}/config name=import");
  EXPECT_EQ(found("keys/a.b-c"), "keys/{name} name=a.b-c");
  EXPECT_EQ(found("other/x"), "{kind}/{name} kind=other name=x");
  EXPECT_EQ(found("hmac/k/sha2-256"), "hmac/{name}/{algorithm} name=k algorithm=sha2-256");
}

TEST_F(PathTableTest, ARestTakesWhatIsLeft) {
  EXPECT_EQ(found("data/a/b/c"), "data/{path...} path=a/b/c");
  EXPECT_EQ(found("data/a/"), "data/{path...} path=a/");
  EXPECT_EQ(found("data/"), "none");
  EXPECT_EQ(found("data"), "none");
  EXPECT_EQ(found("metadata"), "metadata/{path...?} path=");
  EXPECT_EQ(found("metadata/"), "metadata/{path...?} path=");
}

TEST_F(PathTableTest, ListsIgnoreTheSlashAtTheEnd) {
  EXPECT_EQ(found("keys/", Operation::List), "keys");
  EXPECT_EQ(found("keys/", Operation::Read), "none");
  EXPECT_EQ(found("metadata/a/", Operation::List), "metadata/{path...?} path=a");
  EXPECT_EQ(found("metadata/", Operation::Scan), "metadata/{path...?} path=");
}

TEST_F(PathTableTest, WhatIsNoPath) {
  for (const char* path : {"", "/", "keys//config", "keys/-bad/config", "nothing", "keys/a/b/c", "keys/a/"})
    EXPECT_EQ(found(path), "none") << path;
  EXPECT_EQ(found(std::string(4000, 'x')), "none");
}

TEST(PathTablePatterns, MistakesAreFoundAtTheStart) {
  const auto table = [](std::vector<PathSpec> specs) { return PathTable(specs); };
  EXPECT_THROW(table({spec("a/{name}")}), std::logic_error);
  EXPECT_THROW(table({spec("a"), spec("a")}), std::logic_error);
  EXPECT_THROW(table({spec("a/{p...}/b", {{"p", FieldType::String}})}), std::logic_error);
  EXPECT_NO_THROW(table({spec("")}));
}

}  // namespace
}  // namespace postern::vault
