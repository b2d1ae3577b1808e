#include "secrets/kv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "secrets/testing/drive.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using testing::Drive;
using testing::Seen;
using namespace std::chrono_literals;

/// Counts changes, and can fail the next one as a power cut would: nothing of it happens.
class WatchedStorage final : public Storage {
 public:
  Result<std::optional<SecretBytes>> get(std::string_view path) override { return m_below.get(path); }
  Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) override {
    return m_below.list(prefix, page);
  }
  Status apply(std::vector<StorageChange> changes) override {
    ++applied;
    if (std::exchange(cut, false)) return fail(ErrorCode::Unavailable, "power cut");
    return m_below.apply(std::move(changes));
  }
  std::atomic<int> applied = 0;
  bool cut = false;

 private:
  MemoryStorage m_below;
};

class Kv : public ::testing::Test {
 protected:
  explicit Kv(const char* version = "2") : drive(make_kv, {{"version", version}}), clock(drive.bench.clock()) {
    drive.bench.use_storage(storage);
  }
  /// The number of the version that a write made; 0 when it made none.
  std::int64_t put(const std::string& path, std::string_view body) {
    const Seen out = drive.write("data/" + path, body);
    return out.status == 200 ? out.number("version") : 0;
  }
  WatchedStorage storage;
  Drive drive;
  ManualClock& clock;
};

TEST_F(Kv, WritesAreVersionsAndReadsShowThem) {
  const Seen first = drive.write("data/app/db", R"({"data":{"user":"a","deep":{"n":[1,2,null]}},"options":{}})");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(json::serialize(first.data),
            R"({"version":1,"created_time":"2026-11-22T00:41:07.000Z","deletion_time":"","destroyed":false,"custom_metadata":null})");
  clock.advance(1s);
  EXPECT_EQ(drive.write("data/app/db", R"({"data":{"user":"b"}})").status, 200);
  EXPECT_EQ(drive.read("data/app/db").text("data/user"), "b");
  const Seen old = drive.read("data/app/db", R"({"version":"1"})");
  EXPECT_EQ(json::serialize(old.at("data")), R"({"user":"a","deep":{"n":[1,2,null]}})");
  EXPECT_EQ(old.number("metadata/version"), 1);
  EXPECT_EQ(drive.read("data/app/db", R"({"version":3})").status, 404);
  EXPECT_EQ(drive.read("data/app").status, 404);
}

TEST_F(Kv, BadWritesAreRefusedAndChangeNothing) {
  for (const char* body : {"{}", R"({"data":null})", R"({"data":"x"})", R"({"data":[1]})", R"({"data":{},"options":"x"})",
                           R"({"data":{},"options":{"cas":"x"}})", R"({"data":{},"options":{"cas":[1]}})", R"({"user":"a"})"})
    EXPECT_EQ(drive.write("data/a", body).status, 400) << body;
  EXPECT_EQ(drive.write("data/a", "{}").error, "no data provided");
  EXPECT_EQ(drive.write("data/", R"({"data":{}})").error, "missing path");
  for (const char* path : {"data/a//b", "data/../b", "data/a/.", "data/a/"})
    EXPECT_EQ(drive.write(path, R"({"data":{}})").status, 400) << path;
  EXPECT_EQ(drive.write("data/" + std::string(kStoragePath, 'x'), R"({"data":{}})").status, 400);
  EXPECT_EQ(storage.list("").value(), std::vector<std::string>());
}

TEST_F(Kv, CheckAndSet) {
  const std::string mismatch = "check-and-set parameter did not match the current version";
  EXPECT_EQ(drive.write("data/a", R"({"data":{},"options":{"cas":1}})").error, mismatch);
  EXPECT_EQ(put("a", R"({"data":{},"options":{"cas":0}})"), 1);
  EXPECT_EQ(drive.write("data/a", R"({"data":{},"options":{"cas":0}})").error, mismatch);
  EXPECT_EQ(drive.write("data/a", R"({"data":{},"options":{"cas":null}})").error, mismatch);
  EXPECT_EQ(drive.write("data/a", R"({"data":{},"options":{"cas":-1}})").error, mismatch);
  EXPECT_EQ(put("a", R"({"data":{},"options":{"cas":"1"}})"), 2);
  const std::string required = "check-and-set parameter required for this call";
  EXPECT_EQ(drive.write("metadata/a", R"({"cas_required":true})").status, 204);
  EXPECT_EQ(drive.write("data/a", R"({"data":{}})").error, required);
  EXPECT_EQ(drive.patch("data/a", R"({"data":{}})").error, required);
  EXPECT_EQ(put("b", R"({"data":{}})"), 1);
  EXPECT_EQ(drive.write("config", R"({"cas_required":"true"})").status, 204);
  EXPECT_EQ(drive.write("data/b", R"({"data":{}})").error, required);
  EXPECT_EQ(put("b", R"({"data":{},"options":{"cas":1}})"), 2);
}

TEST_F(Kv, OfTwoWritersWithOneCasExactlyOneWins) {
  constexpr int kRounds = 200;
  std::atomic<int> wins = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string body = R"({"data":{},"options":{"cas":)" + std::to_string(round) + "}}";
        if (drive.write("data/raced", body).status == 200) ++wins;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  const auto current = drive.read("metadata/raced").number("current_version");
  EXPECT_EQ(wins, current);
}

TEST_F(Kv, PatchMerges) {
  EXPECT_EQ(drive.patch("data/a", R"({"data":{"x":1}})").status, 404);
  EXPECT_EQ(put("a", R"({"data":{"keep":1,"gone":2,"deep":{"a":1,"b":2},"list":[1,2]}})"), 1);
  const Seen out = drive.patch("data/a", R"({"data":{"gone":null,"deep":{"b":null,"c":{"d":null,"e":5}},"list":[3],"new":{"n":null}}})");
  EXPECT_EQ(out.status, 200);
  EXPECT_EQ(out.number("version"), 2);
  const json::value expected = json::parse(R"({"keep":1,"deep":{"a":1,"c":{"e":5}},"list":[3],"new":{}})");
  EXPECT_EQ(drive.read("data/a").at("data"), expected);
  EXPECT_EQ(drive.patch("data/a", "{}").error, "no data provided");
  EXPECT_EQ(drive.patch("data/a", R"({"data":{},"options":{"cas":1}})").status, 400);
  EXPECT_EQ(drive.remove("data/a").status, 204);
  const Seen deleted = drive.patch("data/a", R"({"data":{"x":1}})");
  EXPECT_EQ(deleted.status, 404);
  EXPECT_EQ(deleted.number("version"), 2);
  EXPECT_EQ(drive.write("metadata/empty", R"({"max_versions":1})").status, 204);
  EXPECT_EQ(drive.patch("data/empty", R"({"data":{}})").status, 404);
}

TEST_F(Kv, DeletedAndDestroyedAre404WithMetadata) {
  EXPECT_EQ(put("a", R"({"data":{"x":"1"}})"), 1);
  EXPECT_EQ(put("a", R"({"data":{"x":"2"}})"), 2);
  EXPECT_EQ(drive.remove("data/a").status, 204);
  const Seen gone = drive.read("data/a");
  EXPECT_EQ(gone.status, 404);
  EXPECT_TRUE(gone.at("data").is_null());
  EXPECT_EQ(gone.text("metadata/deletion_time"), rfc3339(clock.now()));
  EXPECT_EQ(drive.read("data/a", R"({"version":1})").text("data/x"), "1");
  EXPECT_EQ(drive.write("undelete/a", R"({"versions":[2]})").status, 204);
  EXPECT_EQ(drive.read("data/a").text("data/x"), "2");
  EXPECT_EQ(drive.write("delete/a", R"({"versions":"1,2"})").status, 204);
  EXPECT_EQ(drive.read("data/a", R"({"version":1})").status, 404);
  EXPECT_EQ(drive.write("destroy/a", R"({"versions":[1,1,9]})").status, 204);
  EXPECT_EQ(drive.write("undelete/a", R"({"versions":["1","2"]})").status, 204);
  const Seen destroyed = drive.read("data/a", R"({"version":1})");
  EXPECT_EQ(destroyed.status, 404);
  EXPECT_TRUE(destroyed.at("metadata/destroyed").as_bool());
  EXPECT_EQ(drive.read("data/a").text("data/x"), "2");
  EXPECT_FALSE(storage.get("versions/a/1").value());
  EXPECT_EQ(drive.remove("data/none").status, 204);
  for (const char* verb : {"delete", "undelete", "destroy"}) {
    EXPECT_EQ(drive.write(std::string(verb) + "/none", R"({"versions":[1]})").status, 204);
    for (const char* body : {"{}", R"({"versions":[]})"})
      EXPECT_EQ(drive.write(std::string(verb) + "/a", body).error, "No version number provided");
    EXPECT_EQ(drive.write(std::string(verb) + "/a", R"({"versions":["x"]})").status, 400);
    EXPECT_EQ(drive.write(std::string(verb) + "/a", R"({"versions":[-1,0,18446744073709551615]})").status, 400) << "more than 63 bits";
  }
}

TEST_F(Kv, OldVersionsAreTrimmedInTheSameChange) {
  EXPECT_EQ(drive.write("metadata/a", R"({"max_versions":"3"})").status, 204);
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(put("a", R"({"data":{}})"), i);
  Seen known = drive.read("metadata/a");
  EXPECT_EQ(known.number("oldest_version"), 3);
  EXPECT_EQ(known.number("current_version"), 5);
  EXPECT_EQ(storage.list("versions/a/").value(), (std::vector<std::string>{"3", "4", "5"}));
  EXPECT_EQ(drive.write("metadata/a", R"({"max_versions":1})").status, 204);
  EXPECT_EQ(put("a", R"({"data":{}})"), 6);
  EXPECT_EQ(storage.list("versions/a/").value(), (std::vector<std::string>{"6"}));
  for (int i = 1; i <= 12; ++i) EXPECT_EQ(put("b", R"({"data":{}})"), i);  // 10 without any setting
  EXPECT_EQ(drive.read("metadata/b").at("versions").as_object().size(), 10U);
  for (const char* bad : {"-1", "4294967296", "\"x\"", "[]"})
    EXPECT_EQ(drive.write("metadata/a", std::string(R"({"max_versions":)") + bad + "}").status, 400) << bad;
}

TEST_F(Kv, APowerCutLeavesTheOldState) {
  EXPECT_EQ(put("a", R"({"data":{"x":"old"}})"), 1);
  storage.cut = true;
  EXPECT_EQ(drive.write("data/a", R"({"data":{"x":"new"}})").status, 503);
  EXPECT_EQ(drive.read("data/a").text("data/x"), "old");
  storage.cut = true;
  EXPECT_EQ(drive.write("destroy/a", R"({"versions":[1]})").status, 503);
  EXPECT_EQ(drive.read("data/a").text("data/x"), "old");
  storage.cut = true;
  EXPECT_EQ(drive.write("config", R"({"cas_required":true})").status, 503);
  const int before = storage.applied;
  EXPECT_EQ(put("a", R"({"data":{"x":"new"}})"), 2);
  EXPECT_EQ(storage.applied, before + 1);
}

TEST_F(Kv, DeleteVersionAfter) {
  EXPECT_EQ(drive.write("config", R"({"delete_version_after":"1h"})").status, 204);
  EXPECT_EQ(drive.write("metadata/short", R"({"delete_version_after":"90s"})").status, 204);
  EXPECT_EQ(drive.write("metadata/long", R"({"delete_version_after":"3h25m19s"})").status, 204);
  EXPECT_EQ(drive.read("metadata/long").text("delete_version_after"), "3h25m19s");
  const Seen made = drive.write("data/short", R"({"data":{}})");
  EXPECT_EQ(made.text("deletion_time"), rfc3339(clock.now() + 90s));
  EXPECT_EQ(drive.write("data/long", R"({"data":{}})").text("deletion_time"), rfc3339(clock.now() + 1h));
  clock.advance(89s);
  EXPECT_EQ(drive.read("data/short").status, 200);
  clock.advance(1s);
  EXPECT_EQ(drive.read("data/short").status, 404);
  EXPECT_EQ(drive.read("data/long").status, 200);
  EXPECT_EQ(drive.write("config", R"({"delete_version_after":"-5s"})").status, 204);
  EXPECT_EQ(drive.read("config").text("delete_version_after"), "-1s");
  EXPECT_EQ(drive.write("data/short", R"({"data":{}})").text("deletion_time"), "");
  EXPECT_EQ(drive.write("metadata/short", R"({"delete_version_after":"-5s"})").status, 400);
}

TEST_F(Kv, ConfigIsKeptAcrossARestart) {
  EXPECT_EQ(json::serialize(drive.read("config").data), R"({"max_versions":0,"cas_required":false,"delete_version_after":"0s"})");
  EXPECT_EQ(drive.write("config", R"({"max_versions":2,"cas_required":true,"delete_version_after":60})").status, 204);
  drive.bench.restart();
  EXPECT_EQ(json::serialize(drive.read("config").data), R"({"max_versions":2,"cas_required":true,"delete_version_after":"1m0s"})");
  EXPECT_EQ(drive.write("config", R"({"max_versions":-1})").status, 400);
  EXPECT_EQ(drive.write("metadata/a", R"({"cas_required":false})").warnings.size(), 1U);
}

TEST_F(Kv, MetadataAndCustomMetadata) {
  EXPECT_EQ(drive.read("metadata/a").status, 404);
  EXPECT_EQ(drive.patch("metadata/a", R"({"max_versions":1})").status, 404);
  EXPECT_EQ(drive.write("metadata/a", "{}").status, 204);
  EXPECT_EQ(drive.read("metadata/a").status, 404) << "nothing given, nothing made";
  EXPECT_EQ(drive.write("metadata/a", R"({"custom_metadata":{"owner":"ops","n":5}})").status, 204);
  EXPECT_EQ(put("a", R"({"data":{}})"), 1);
  EXPECT_EQ(drive.read("data/a").text("metadata/custom_metadata/owner"), "ops");
  EXPECT_EQ(drive.patch("metadata/a", R"({"custom_metadata":{"owner":null,"team":"x"},"max_versions":5})").status, 204);
  EXPECT_EQ(json::serialize(drive.read("metadata/a").at("custom_metadata")), R"({"n":"5","team":"x"})");
  EXPECT_EQ(drive.patch("metadata/a", R"({"max_versions":null,"custom_metadata":null})").status, 204);
  const Seen known = drive.read("metadata/a");
  EXPECT_EQ(known.number("max_versions"), 0);
  EXPECT_TRUE(known.at("custom_metadata").is_null());
  EXPECT_EQ(known.number("oldest_version"), 0);
  EXPECT_EQ(drive.remove("metadata/a").status, 204);
  EXPECT_EQ(drive.read("data/a").status, 404);
  EXPECT_EQ(storage.list("").value(), std::vector<std::string>());
  EXPECT_EQ(put("a", R"({"data":{}})"), 1) << "the count begins again";
}

TEST_F(Kv, CustomMetadataLimits) {
  const auto with = [&](const std::string& name, const std::string& value) {
    return drive.call(Operation::Update, "metadata/a", {{"custom_metadata", json::object{{name, value}}}});
  };
  EXPECT_EQ(with(std::string(128, 'k'), std::string(512, 'v')).status, 204);
  EXPECT_EQ(with(std::string(129, 'k'), "v").status, 400);
  EXPECT_EQ(with("k", std::string(513, 'v')).status, 400);
  EXPECT_EQ(with("", "v").status, 400);
  EXPECT_EQ(with("k", "").status, 400);
  EXPECT_EQ(with("k\n", "v").status, 400);
  EXPECT_EQ(with("k", "\x01").status, 400);
  EXPECT_EQ(with("schlüssel", "wért").status, 204);
  EXPECT_THAT(with("k", "\x7f").error,
              ::testing::StartsWith("1 error occurred:\n\t* custom_metadata validation failed: value for key \"k\""));
  json::object many;
  for (int i = 0; i < 64; ++i) many.emplace("k" + std::to_string(i), "v");
  EXPECT_EQ(drive.call(Operation::Update, "metadata/a", {{"custom_metadata", many}}).status, 204);
  EXPECT_EQ(drive.patch("metadata/a", R"({"custom_metadata":{"one":"more"}})").status, 400) << "the sum counts";
  many.emplace("x", "v");
  EXPECT_EQ(drive.call(Operation::Update, "metadata/a", {{"custom_metadata", many}}).status, 400);
  for (const char* bad : {R"({"custom_metadata":{"k":{}}})", R"({"custom_metadata":{"k":[]}})", R"({"custom_metadata":{"k":null}})",
                          R"({"custom_metadata":"x"})"})
    EXPECT_EQ(drive.write("metadata/a", bad).status, 400) << bad;
}

TEST_F(Kv, Listing) {
  for (const char* path : {"a", "a/1", "a/b/c", "z", "sp ace", "ümlaut", "%2e"}) EXPECT_EQ(put(path, R"({"data":{}})"), 1) << path;
  EXPECT_EQ(json::serialize(drive.list("metadata/").at("keys")), R"(["%2e","a","a/","sp ace","z","ümlaut"])");
  EXPECT_EQ(json::serialize(drive.list("metadata/a/").at("keys")), R"(["1","b/"])");
  EXPECT_EQ(json::serialize(drive.list("metadata", R"({"after":"a","limit":"2"})").at("keys")), R"(["a/","sp ace"])");
  EXPECT_EQ(drive.list("metadata/none/").status, 404);
  const Seen detailed = drive.list("detailed-metadata/a/");
  EXPECT_EQ(json::serialize(detailed.at("keys")), R"(["1","b/"])");
  EXPECT_EQ(detailed.number("key_info/1/current_version"), 1);
  const Seen all = drive.call(Operation::Scan, "metadata/a/", "{}");
  EXPECT_EQ(json::serialize(all.at("keys")), R"(["1","b/c"])");
}

TEST_F(Kv, APathThatLooksLikeAVersionIsAnother) {
  EXPECT_EQ(put("a", R"({"data":{"who":"a"}})"), 1);
  EXPECT_EQ(put("a/1", R"({"data":{"who":"a/1"}})"), 1);
  EXPECT_EQ(drive.read("data/a").text("data/who"), "a");
  EXPECT_EQ(drive.remove("metadata/a").status, 204);
  EXPECT_EQ(drive.read("data/a/1").text("data/who"), "a/1");
}

TEST_F(Kv, Subkeys) {
  EXPECT_EQ(put("a", R"({"data":{"s":"secret","o":{"p":{"q":1},"e":{}},"l":[{"x":1}]}})"), 1);
  EXPECT_EQ(json::serialize(drive.read("subkeys/a").at("subkeys")), R"({"s":null,"o":{"p":{"q":null},"e":null},"l":null})");
  EXPECT_EQ(json::serialize(drive.read("subkeys/a", R"({"depth":"1"})").at("subkeys")), R"({"s":null,"o":null,"l":null})");
  EXPECT_EQ(json::serialize(drive.read("subkeys/a", R"({"depth":2})").at("subkeys")), R"({"s":null,"o":{"p":null,"e":null},"l":null})");
  EXPECT_EQ(drive.remove("data/a").status, 204);
  const Seen gone = drive.read("subkeys/a");
  EXPECT_EQ(gone.status, 404);
  EXPECT_TRUE(gone.at("subkeys").is_null());
  EXPECT_EQ(gone.number("metadata/version"), 1);
}

TEST_F(Kv, DeepDataComesBack) {
  std::string deep = "{\"data\":";
  for (int i = 0; i < 900; ++i) deep += "{\"d\":";
  deep += "{}";
  deep.append(901, '}');
  json::parse_options options;
  options.max_depth = 2000;
  EXPECT_EQ(drive.call(Operation::Update, "data/deep", json::parse(deep, {}, options).as_object()).status, 200);
  EXPECT_EQ(drive.read("data/deep").status, 200);
}

TEST_F(Kv, TheWrongVersionOfTheApiIsTold) {
  EXPECT_EQ(put("a", R"({"data":{}})"), 1);
  for (const auto operation : {Operation::Read, Operation::Update, Operation::Delete, Operation::List}) {
    const Seen out = drive.call(operation, "a", R"({"x":"1"})");
    EXPECT_EQ(out.status, 404);
    ASSERT_EQ(out.warnings.size(), 1U);
    EXPECT_THAT(out.warnings[0], ::testing::HasSubstr("Invalid path for a versioned K/V secrets engine"));
  }
}

class KvOne : public Kv {
 protected:
  KvOne() : Kv("1") {}
};

TEST_F(KvOne, KeepsTheLastWrite) {
  EXPECT_EQ(drive.read("a/b").status, 404);
  EXPECT_EQ(drive.write("a/b", R"({"x":1,"path":"kept","ttl":"1h"})").status, 204);
  EXPECT_EQ(drive.write("a/b", R"({"x":{"y":[1]}})").status, 204);
  EXPECT_EQ(json::serialize(drive.read("a/b").data), R"({"x":{"y":[1]}})");
  EXPECT_EQ(drive.write("a/b", "{}").error, "missing data fields");
  EXPECT_EQ(drive.write("", R"({"x":1})").error, "missing path");
  EXPECT_EQ(drive.write("a/../b", R"({"x":1})").status, 400);
  EXPECT_EQ(json::serialize(drive.list("").at("keys")), R"(["a/"])");
  EXPECT_EQ(json::serialize(drive.list("a").at("keys")), R"(["b"])");
  EXPECT_EQ(drive.remove("a/b").status, 204);
  EXPECT_EQ(drive.remove("a/b").status, 204);
  EXPECT_EQ(drive.list("a/").status, 404);
}

TEST(KvFactory, Options) {
  const SystemClock clock;
  EXPECT_TRUE(make_kv({}, clock));
  EXPECT_FALSE(make_kv({{"version", "3"}}, clock));
  EXPECT_FALSE(make_kv({{"versions", "2"}}, clock));
  EXPECT_FALSE(make_cubbyhole({{"version", "1"}}, clock));
}

TEST(Cubbyhole, IsTheTokensOwn) {
  Drive drive(make_cubbyhole);
  EXPECT_EQ(drive.write("a", R"({"x":"mine"})").status, 204);
  EXPECT_EQ(drive.read("a").text("x"), "mine");
  EXPECT_EQ(json::serialize(drive.list("").at("keys")), R"(["a"])");
  drive.bench.caller().cubbyhole = "another";
  EXPECT_EQ(drive.read("a").status, 404);
  EXPECT_EQ(drive.list("").status, 404);
  EXPECT_EQ(drive.read("../cubbyhole-of-the-bench/a").status, 400);
  drive.bench.caller().cubbyhole.clear();
  EXPECT_EQ(drive.read("a").status, 403);
  EXPECT_EQ(drive.write("a", R"({"x":1})").status, 403);
}

/// For Create versus Update: policies may grant one without the other.
TEST(KvFactory, ExistenceDecidesTheCapability) {
  Drive drive(make_kv, {{"version", "2"}});
  const std::vector<PathSpec>& paths = drive.bench.backend().paths();
  const auto data = std::ranges::find(paths, "data/{path...?}", &PathSpec::pattern);
  ASSERT_NE(data, paths.end());
  const auto exists = [&](std::string path) {
    const Request request;
    const std::vector<std::pair<std::string_view, std::string>> captures{{"path", std::move(path)}};
    const Fields fields = Fields::read(data->fields, request.data, captures).value();
    return data->exists({request, fields, "data/a", "mount/", drive.bench.storage(), nullptr, {}}).value();
  };
  EXPECT_FALSE(exists("a"));
  EXPECT_FALSE(exists("../a"));
  EXPECT_EQ(drive.write("data/a", R"({"data":{}})").status, 200);
  EXPECT_TRUE(exists("a"));
}

}  // namespace
}  // namespace postern::vault
