#include "vault/fields.hpp"
#include "vault/json_text.hpp"

#include <gmock/gmock.h>

#include "base/text.hpp"

namespace postern::vault {
namespace {

using boost::json::parse;
using boost::json::value;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr FieldSpec kSpecs[] = {{"text", FieldType::String, R"("fallback")"},
                                {"name", FieldType::Name},
                                {"count", FieldType::Integer, "7"},
                                {"flag", FieldType::Bool, "true"},
                                {"ttl", FieldType::Duration},
                                {"step", FieldType::SignedDuration},
                                {"list", FieldType::CommaStrings, R"(["a","b"])"},
                                {"texts", FieldType::Strings},
                                {"numbers", FieldType::Integers},
                                {"map", FieldType::StringMap},
                                {"object", FieldType::Object},
                                {"array", FieldType::Array},
                                {"any", FieldType::Any}};

struct Given {
  boost::json::object data;
  std::vector<std::pair<std::string_view, std::string>> captures;
  [[nodiscard]] Result<Fields> read() const { return Fields::read(kSpecs, data, captures); }
};
Given given(std::string_view text) { return {parse(text).as_object(), {}}; }

TEST(WeakInteger, TakesWhatClientsSend) {
  for (const char* text : {"3", "\"3\"", "3.0", "\" 3 \"", "\"+3\""}) EXPECT_EQ(weak_integer(parse(text)).value(), 3) << text;
  EXPECT_EQ(weak_integer("").value(), 0);
  EXPECT_EQ(weak_integer(parse("-9223372036854775808")).value(), std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"3.5", "\"3.5\"", "1e30", "-1e30", "9223372036854775808", "18446744073709551616", "\"9223372036854775808\"",
                           "\"0x3\"", "\"3 4\"", "true", "[]", "{}", "null", "\"three\"", "9223372036854775807.5", "\"--3\"", "\"+-3\""}) {
    EXPECT_FALSE(weak_integer(parse(text))) << text;
  }
}

TEST(WeakBool, TakesWhatClientsSend) {
  for (const char* text : {"true", "\"true\"", "\"T\"", "\"TRUE\"", "1", "\"1\"", "2"}) EXPECT_TRUE(weak_bool(parse(text)).value()) << text;
  for (const char* text : {"false", "\"False\"", "\"f\"", "0", "\"0\"", "\"\""}) EXPECT_FALSE(weak_bool(parse(text)).value()) << text;
  for (const char* text : {"\"yes\"", "\"2\"", "[]", "null"}) EXPECT_FALSE(weak_bool(parse(text))) << text;
}

TEST(WeakDuration, TakesWhatClientsSend) {
  const std::vector<std::pair<const char*, int>> good = {{"3600", 3600},       {"\"3600\"", 3600}, {"\"1h30m\"", 5400}, {"\"5d\"", 432000},
                                                         {"\"1h0m0s\"", 3600}, {"\"1.5h\"", 5400}, {"\"\"", 0},         {"1.9", 1},
                                                         {"\"500ms\"", 0},     {"\"0s\"", 0},      {"\"120m\"", 7200},  {"\"1w\"", 604800}};
  for (const auto& [text, expected] : good) EXPECT_EQ(weak_duration(parse(text)).value(), seconds(expected)) << text;
  for (const char* text :
       {"-5", "\"-5\"", "\"-1h\"", "\"soon\"", "\"1x\"", "\"h\"", "\"1h30\"", "\"1.2.3h\"", "true", "[]", "null", "\"-\"", "\".h\"",
        "\"99999999999999999999h\"", "1e300", "\"1 h\"", "\"9223372036854775807\"", "\"inf\"", "\"1e3s\""}) {
    EXPECT_FALSE(weak_duration(parse(text))) << text;
  }
}

TEST(WeakCommaStrings, TrimsAndDropsTheEmpty) {
  EXPECT_THAT(weak_comma_strings(" a , b ,,").value(), ElementsAre("a", "b"));
  EXPECT_THAT(weak_comma_strings(parse(R"([" a ", "b,c", "", 3])")).value(), ElementsAre("a", "b,c", "3"));
  EXPECT_THAT(weak_comma_strings("").value(), IsEmpty());
  EXPECT_FALSE(weak_comma_strings(parse(R"([["a"]])")));
  EXPECT_FALSE(weak_comma_strings(parse("{}")));
}

TEST(FieldsTest, ReadsEveryType) {
  const Given all = given(R"({"text":5,"name":"dkim_key","count":"3","flag":"false","ttl":"1h","step":-5,"list":"x, y","texts":"a,b",
                              "numbers":"1,2","map":{"a":1,"b":true},"object":{"k":1},"array":[1],"any":null})");
  const Fields fields = all.read().value();
  EXPECT_EQ(fields.text("text"), "5");
  EXPECT_EQ(fields.text("name"), "dkim_key");
  EXPECT_EQ(fields.integer("count"), 3);
  EXPECT_FALSE(fields.flag("flag"));
  EXPECT_EQ(fields.duration("ttl"), seconds(3600));
  EXPECT_EQ(fields.duration("step"), seconds(-5));
  EXPECT_THAT(fields.strings("list"), ElementsAre("x", "y"));
  EXPECT_THAT(fields.strings("texts"), ElementsAre("a,b"));
  EXPECT_THAT(fields.integers("numbers"), ElementsAre(1, 2));
  EXPECT_EQ(fields.string_map("map"), (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "true"}}));
  EXPECT_TRUE(fields.raw("object").is_object());
  EXPECT_FALSE(fields.has("any"));
}

TEST(FieldsTest, AbsentAndNullAreTheFallback) {
  for (const char* text : {"{}", R"({"text":null,"count":null,"flag":null,"list":null})"}) {
    const Given none = given(text);
    const Fields fields = none.read().value();
    EXPECT_FALSE(fields.has("text"));
    EXPECT_EQ(fields.text("text"), "fallback");
    EXPECT_EQ(fields.integer("count"), 7);
    EXPECT_TRUE(fields.flag("flag"));
    EXPECT_THAT(fields.strings("list"), ElementsAre("a", "b"));
    EXPECT_EQ(fields.duration("ttl"), seconds(0));
    EXPECT_THAT(fields.string_map("map"), IsEmpty());
    EXPECT_EQ(fields.text_view("text"), "");
  }
}

TEST(FieldsTest, MapsInEveryForm) {
  const std::vector<std::pair<std::string, std::string>> expected{{"a", "1"}, {"b", "2"}};
  for (const char* text :
       {R"({"map":{"a":"1","b":"2"}})", R"({"map":"a=1,b=2"})", R"({"map":["a=1","b=2"]})", R"({"map":"{\"a\":\"1\",\"b\":2}"})"}) {
    const Given data = given(text);
    EXPECT_EQ(data.read().value().string_map("map"), expected) << text;
  }
  for (const char* text :
       {R"({"map":"a"})", R"({"map":"=1"})", R"({"map":"{"})", R"({"map":5})", R"({"map":{"a":{}}})", R"({"map":[{}]})"}) {
    EXPECT_FALSE(given(text).read()) << text;
  }
}

TEST(FieldsTest, CapturesBeatTheBody) {
  Given both = given(R"({"name":"of-the-body","text":[]})");
  both.captures = {{"name", "of-the-path"}, {"text", "captured"}};
  const Fields fields = both.read().value();
  EXPECT_EQ(fields.text("name"), "of-the-path");
  EXPECT_EQ(fields.text_view("text"), "captured");
  EXPECT_TRUE(fields.has("text"));
}

TEST(FieldsTest, AnErrorNamesTheFieldAndNotItsValue) {
  for (const char* text : {R"({"count":"S3CRET"})", R"({"flag":"S3CRET"})", R"({"ttl":"S3CRET"})", R"({"text":["S3CRET"]})",
                           R"({"name":"S3CRET!"})", R"({"list":[["S3CRET"]]})", R"({"numbers":"S3CRET"})", R"({"map":"S3CRET"})",
                           R"({"object":"S3CRET"})", R"({"array":"S3CRET"})", R"({"ttl":-5})"}) {
    const Given bad = given(text);
    const Result<Fields> fields = bad.read();
    ASSERT_FALSE(fields) << text;
    EXPECT_EQ(fields.error().code, ErrorCode::BadInput);
    EXPECT_EQ(fields.error().field, bad.data.begin()->key());
    EXPECT_THAT(fields.error().what, HasSubstr("error converting input for field \"" + fields.error().field + "\": "));
    EXPECT_EQ(fields.error().text().find("S3CRET"), std::string::npos);
  }
}

TEST(FieldsTest, MisuseIsABugOfTheCaller) {
  const Given none = given("{}");
  const Fields fields = none.read().value();
  EXPECT_THROW((void)fields.text("undeclared"), std::logic_error);
  EXPECT_THROW((void)fields.has("undeclared"), std::logic_error);
  EXPECT_THROW((void)fields.integer("text"), std::logic_error);
}

TEST(FieldsTest, NamesOfTheEngine) {
  for (const char* name : {"a", "_", "a.b-c_d", "9", "dkim_key"}) EXPECT_TRUE(is_engine_name(name)) << name;
  for (const char* name : {"", "-a", "a-", ".a", "a.", "a/b", "a b", "\xc3\xa4", "a\n"}) EXPECT_FALSE(is_engine_name(name)) << name;
  EXPECT_TRUE(is_engine_name(std::string(128, 'a')));
  EXPECT_FALSE(is_engine_name(std::string(129, 'a')));
}

// RFC 8259 7, at every place of the blocks in which long texts are looked at.
TEST(JsonText, EscapesAtEveryPlace) {
  for (std::size_t size = 0; size < 100; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char odd : {'"', '\\', '\n', '\x1f', '\0'}) {
        std::string text(size, 'x');
        text[at] = odd;
        std::string out;
        append_json_text(out, text);
        EXPECT_LE(out.size(), json_size(boost::json::value(text)));
        ASSERT_EQ(boost::json::parse(out).as_string(), text) << size << " " << at;
      }
    }
  }
  std::string out;
  append_json_text(out, "caf\xc3\xa9 \x7f/");
  EXPECT_EQ(out, "\"caf\xc3\xa9 \x7f/\"");
}

}  // namespace
}  // namespace postern::vault
