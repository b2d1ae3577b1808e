#include "vault/testing/backend_bench.hpp"

#include <gmock/gmock.h>

namespace postern::vault {
namespace {

// A backend of notes: enough to see what the bench does with each kind of answer.
class Notes final : public Backend {
 public:
  Notes() {
    PathSpec note;
    note.pattern = "notes/{name}";
    note.fields = {{"name", FieldType::Name}, {"text", FieldType::String}, {"count", FieldType::Integer}};
    note.exists = [](const Call& call) -> Result<bool> {
      POSTERN_TRY(const auto value, call.storage.get(call.fields.text("name")));
      return value.has_value();
    };
    note.operations[Operation::Create] = [](const Call& call) -> Result<Answer> {
      POSTERN_CHECK(call.storage.put(call.fields.text("name"), SecretBytes::from_text(call.fields.text("text"))));
      return Answer{};
    };
    note.operations[Operation::Update] = [](const Call&) -> Result<Answer> { return fail(ErrorCode::Conflict, "it is there already"); };
    note.operations[Operation::Read] = [](const Call& call) -> Result<Answer> {
      POSTERN_TRY(const auto value, call.storage.get(call.fields.text("name")));
      if (!value) return Answer{};
      return Answer::with({{"text", as_text(value->view())}});
    };
    PathSpec all;
    all.pattern = "notes";
    all.operations[Operation::List] = [](const Call& call) -> Result<Answer> {
      POSTERN_TRY(std::vector<std::string> names, call.storage.list(""));
      return Answer::list(std::move(names));
    };
    m_paths = {std::move(note), std::move(all)};
  }
  std::string_view type() const noexcept override { return "notes"; }
  const std::vector<PathSpec>& paths() const noexcept override { return m_paths; }
  Status start(Storage&) override { return {}; }
  void stop() noexcept override {}

 private:
  std::vector<PathSpec> m_paths;
};

Result<std::unique_ptr<Backend>> make_notes(const std::vector<std::pair<std::string, std::string>>&, const Clock&) {
  return std::make_unique<Notes>();
}

TEST(BackendBench, AnswersAsTheCoreDoes) {
  testing::BackendBench bench(make_notes);
  EXPECT_EQ(bench.read("notes/a").status, 404);
  EXPECT_EQ(bench.list("notes").status, 404);
  EXPECT_EQ(bench.write("notes/a", {{"text", "hello"}}).status, 204);
  EXPECT_EQ(bench.read("notes/a").data.at("text"), "hello");
  EXPECT_EQ(bench.list("notes/").data, (boost::json::object{{"keys", {"a"}}}));
  const auto again = bench.write("notes/a", {{"text", "other"}});
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(again.error(), "it is there already");
  EXPECT_EQ(bench.remove("notes/a").status, 405);
  EXPECT_EQ(bench.read("nothing/a").status, 404);
  EXPECT_EQ(bench.write("notes/b", {{"count", "many"}}).status, 400);
  bench.restart();
  EXPECT_EQ(bench.read("notes/a").data.at("text"), "hello");
}

TEST(BackendDefaults, NothingIsRenewable) { EXPECT_EQ(Notes().renew({}).error().code, ErrorCode::BadInput); }

TEST(WipingResourceTest, GivesMemoryToJson) {
  WipingResource resource;
  boost::json::value text(boost::json::string(std::string(64, 'S'), &resource));
  EXPECT_EQ(text.get_string().storage().get(), &resource);
}

}  // namespace
}  // namespace postern::vault
