"""Boxes and points of an answer on its picture: where they are, what lights up, zoom, saving and copying."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

from huiyan.testing.script import Reply
from tests.support.browser import ChatPage, Upload
from tests.support.page_server import PageServer

pytestmark = pytest.mark.browser

_ANSWER = """好的：

```json
[
  {"bbox_2d": [100, 200, 300, 600], "label": "红色圆形"},
  {"bbox_2d": [400, 100, 900, 900], "label": "蓝色正方形"},
  {"point_2d": [500, 500], "label": "中心"}
]
```

以上。"""


@pytest.fixture(scope="module")
def shapes(sample_images: Path) -> Upload:
    return Upload.of(sample_images / "10_shapes.png")


def _asked(chat: ChatPage, server: PageServer, answer: str, *pictures: Upload) -> Locator:
    """Ask about pictures; returns the marks on them."""
    chat.drop(*pictures)
    expect(chat.strip).to_have_count(len(pictures))
    server.answer(answer)
    chat.ask("定位。")
    return chat.answers.last.get_by_test_id("mark")


def _part(mark: Locator) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a mark, each as thousandths of its picture."""
    left, top, right, bottom = mark.evaluate(
        """(mark) => {
              const box = mark.getBoundingClientRect();
              const picture = mark.closest('.sheet').getBoundingClientRect();
              const x = (value) => 1000 * (value - picture.left) / picture.width;
              const y = (value) => 1000 * (value - picture.top) / picture.height;
              return [x(box.left), y(box.top), x(box.right), y(box.bottom)];
            }"""
    )
    return left, top, right, bottom


def _is_red(colour: object) -> bool:
    assert isinstance(colour, tuple)
    red, green, blue = colour
    return bool(red > 150 and green < 100 and blue < 100)


def _lit(marks: Locator) -> list[bool]:
    return [mark.get_attribute("data-lit") == "true" for mark in marks.all()]


def test_nano_finds_the_red_circle_and_its_box_lies_on_it(page: ChatPage, shapes: Upload) -> None:
    page.drop(shapes)
    expect(page.strip).to_have_count(1)
    answer = json.loads(page.ask("定位红色圆形，用JSON输出坐标。"))
    mark = page.answers.last.get_by_test_id("mark")
    expect(mark).to_have_count(1)
    expect(mark).to_have_accessible_name(re.compile("红色圆形"))
    box = _part(mark)
    assert box == pytest.approx(answer[0]["bbox_2d"], abs=1.5)
    with Image.open(io.BytesIO(shapes.data)) as picture:
        x, y = (side / 1000 for side in picture.size)
        inside = picture.convert("RGB").crop(
            (int(box[0] * x), int(box[1] * y), int(box[2] * x), int(box[3] * y))
        )
    colours = {colour: count for count, colour in inside.getcolors(1 << 16) or []}
    reds = sum(count for colour, count in colours.items() if _is_red(colour))
    assert reds > 0.5 * inside.width * inside.height, "more than half of the box is the red circle"
    expect(page.answers.last.get_by_test_id("zoom-view").locator("img")).to_be_visible()


def test_text_lights_the_box_and_the_box_lights_the_text(
    chat: ChatPage, server: PageServer, shapes: Upload
) -> None:
    marks = _asked(chat, server, _ANSWER, shapes)
    expect(marks).to_have_count(3)
    text = chat.page.locator(".mark-text[role=button]")
    expect(text).to_have_count(3)
    order = [int(mark.get_attribute("data-mark") or -1) for mark in marks.all()]
    text.first.hover()
    expect(chat.page.locator("[data-mark='0']")).to_have_attribute("data-lit", "true")
    assert sorted(_lit(marks)) == [False, False, True]
    chat.page.locator("[data-mark='1']").hover(position={"x": 4, "y": 4})
    expect(text.nth(1)).to_have_class(re.compile(r"\blit\b"))
    expect(text.nth(0)).not_to_have_class(re.compile(r"\blit\b"))
    assert order.index(2) > order.index(1), "what is smaller lies on top"
    chat.composer.hover()
    expect(chat.page.locator(".mark-text.lit")).to_have_count(0)
    # the answer itself is as it was, and copied as it was
    assert '{"bbox_2d": [100, 200, 300, 600], "label": "红色圆形"},' in chat.answer_text


def test_keyboard_goes_from_text_to_text_and_from_box_to_box(
    chat: ChatPage, server: PageServer, shapes: Upload
) -> None:
    marks = _asked(chat, server, _ANSWER, shapes)
    text = chat.page.locator(".mark-text[role=button]")
    expect(text).to_have_count(3)
    assert [each.get_attribute("tabindex") for each in text.all()].count("0") == 1
    chat.page.locator(".md-scroll").last.focus()
    chat.page.keyboard.press("Tab")
    expect(text.first).to_be_focused()
    expect(chat.page.locator("[data-mark='0']")).to_have_attribute("data-lit", "true")
    chat.page.keyboard.press("ArrowDown")
    expect(text.nth(1)).to_be_focused()
    expect(chat.page.locator("[data-mark='1']")).to_have_attribute("data-lit", "true")
    chat.page.keyboard.press("Enter")
    expect(text.nth(1)).to_have_attribute("aria-pressed", "true")
    chat.page.keyboard.press("Tab")
    expect(chat.by_id("zoom-view")).to_be_focused()
    chat.page.keyboard.press("Tab")
    chat.page.keyboard.press("ArrowRight")
    expect(chat.page.locator("[data-mark='1']")).to_be_focused()
    chat.page.keyboard.press("ArrowRight")
    expect(chat.page.locator("[data-mark='2']")).to_be_focused()
    expect(text.nth(2)).to_have_class(re.compile(r"\blit\b"))
    assert marks.count() == 3


def test_zoom_by_wheel_keys_and_double_click_is_a_larger_picture_and_no_blown_up_one(
    chat: ChatPage, server: PageServer, shapes: Upload
) -> None:
    _asked(chat, server, _ANSWER, shapes)
    chat.by_id("marks-enlarge").click()
    dialog = chat.by_id("lightbox")
    view = dialog.get_by_test_id("zoom-view")
    mark = dialog.locator("[data-mark='1']")
    expect(mark).to_be_visible()
    whole = view.locator("img").bounding_box()
    assert whole
    aim = (whole["x"] + whole["width"] * 0.25, whole["y"] + whole["height"] * 0.5)
    chat.page.mouse.move(*aim)
    chat.page.mouse.wheel(0, -300)
    expect(view).not_to_have_attribute("data-scale", "1.00")
    larger = view.locator("img").bounding_box()
    assert larger
    assert larger["width"] > 1.5 * whole["width"]
    under = ((aim[0] - larger["x"]) / larger["width"], (aim[1] - larger["y"]) / larger["height"])
    assert under == pytest.approx((0.25, 0.5), abs=0.01), "what is under the pointer stays there"
    assert view.locator(".sheet").evaluate("(sheet) => getComputedStyle(sheet).transform") == "none"
    assert _part(mark) == pytest.approx((400, 100, 900, 900), abs=2)
    # dragging moves it
    before = view.evaluate("(view) => view.scrollLeft")
    chat.page.mouse.down()
    chat.page.mouse.move(aim[0] - 60, aim[1] - 10, steps=3)
    chat.page.mouse.up()
    assert view.evaluate("(view) => view.scrollLeft") == pytest.approx(before + 60, abs=2)
    view.focus()
    chat.page.keyboard.press("0")
    expect(view).to_have_attribute("data-scale", "1.00")
    chat.page.keyboard.press("+")
    expect(view).to_have_attribute("data-scale", "1.25")
    chat.page.keyboard.press("-")
    expect(view).to_have_attribute("data-scale", "1.00")
    chat.page.mouse.dblclick(*aim)
    expect(view).to_have_attribute("data-scale", "2.00")
    chat.by_id("marks-toggle").click()
    expect(dialog.get_by_test_id("mark")).to_have_count(0)
    chat.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def _check_marked(picture: Image.Image, size: tuple[int, int]) -> None:
    assert picture.size == size
    rgb = picture.convert("RGB")
    left, middle = round(0.4 * size[0]), round(0.7 * size[1])
    blues = [rgb.getpixel((x, middle)) for x in range(left - 4, left + 5)]
    assert (25, 113, 194) in blues, f"the left line of the second box: {blues}"


def test_picture_is_saved_and_copied_with_its_marks_in_its_own_size(
    chat: ChatPage, server: PageServer, shapes: Upload
) -> None:
    _asked(chat, server, _ANSWER, shapes)
    with chat.page.expect_download() as download:
        chat.by_id("marks-save").click()
    assert download.value.suggested_filename == "10_shapes-标注.png"
    with Image.open(download.value.path()) as saved:
        assert saved.format == "PNG"
        _check_marked(saved, (448, 320))
    chat.by_id("marks-copy").click()
    expect(chat.by_id("notice").filter(has_text="已复制")).to_be_visible()
    copied = chat.page.evaluate(
        """async () => {
          const [item] = await navigator.clipboard.read();
          return [...new Uint8Array(await (await item.getType("image/png")).arrayBuffer())];
        }"""
    )
    with Image.open(io.BytesIO(bytes(copied))) as pasted:
        _check_marked(pasted, (448, 320))


def test_boxes_of_several_pictures_go_to_the_right_ones(
    chat: ChatPage, server: PageServer, shapes: Upload, sample_images: Path
) -> None:
    second = Upload.of(sample_images / "05_table_zh.png")
    third = Upload.of(sample_images / "07_bar_chart_zh.png")
    answer = (
        "图1：\n```json\n[{'bbox_2d': [0, 0, 500, 500], 'label': '一',}]\n```\n"
        '第二张图 {"bbox_2d": [900, 800, 100, 200], "label": "二"} 然后没有了。\n\n'
        '还有 [{"bbox_2d": [-50, 10, 400, 2000], "label": "图3 的标题"}, {"bbox_2d": [1, 2, 3'
    )
    _asked(chat, server, answer, shapes, second, third)
    pictures = chat.answers.last.get_by_test_id("marked-picture")
    expect(pictures).to_have_count(3)
    for number, box in enumerate([(0, 0, 500, 500), (100, 200, 900, 800), (0, 10, 400, 1000)]):
        mark = pictures.nth(number).get_by_test_id("mark")
        expect(mark).to_have_count(1)
        assert _part(mark) == pytest.approx(box, abs=6)
    expect(chat.answers.last.get_by_test_id("answer-marks")).to_contain_text("超出了图片")
    expect(chat.page.locator(".mark-text[role=button]")).to_have_count(3)


def test_reader_chooses_the_picture_that_the_answer_does_not_name(
    chat: ChatPage, server: PageServer, shapes: Upload, sample_images: Path
) -> None:
    second = Upload.of(sample_images / "05_table_zh.png")
    marks = _asked(chat, server, '{"bbox_2d": [100, 100, 300, 300]}', shapes, second)
    expect(marks).to_have_count(1)
    picture = chat.answers.last.get_by_test_id("marked-picture")
    expect(picture.locator("img")).to_have_attribute("alt", "图1")
    chat.answers.last.locator("select").select_option(label="图2 · 05_table_zh.png")
    expect(picture.locator("img")).to_have_attribute("alt", "图2")


def test_boxes_appear_while_the_answer_is_written_and_a_follow_up_uses_the_same_picture(
    chat: ChatPage, server: PageServer, shapes: Upload
) -> None:
    chat.drop(shapes)
    expect(chat.strip).to_have_count(1)
    items = ", ".join(f'{{"bbox_2d": [{n}0, {n}0, {n}50, {n}50], "label": "{n}"}}' for n in range(1, 9))
    server.script(Reply(text=f"```json\n[{items}]\n```", chunk_chars=12, delay_s=0.12))
    chat.send("定位。")
    marks = chat.answers.last.get_by_test_id("mark")
    expect(marks.nth(1)).to_be_visible()
    assert chat.answers.last.get_attribute("data-status") == "streaming"
    chat.wait_done()
    expect(marks).to_have_count(8)
    server.answer('{"point_2d": [500, 500], "label": "中心"}')
    chat.ask("中心在哪？")
    expect(marks).to_have_count(1)
    x1, y1, x2, y2 = _part(marks)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((500, 500), abs=2)


def test_json_about_other_things_shows_no_picture(chat: ChatPage, server: PageServer, shapes: Upload) -> None:
    marks = _asked(chat, server, '```json\n{"name": "point", "points": 30, "bbox": "无"}\n```', shapes)
    chat.page.wait_for_timeout(300)
    expect(marks).to_have_count(0)
    expect(chat.answers.last.get_by_test_id("answer-marks")).to_have_count(0)


def test_wheel_alone_scrolls_the_conversation_and_two_fingers_zoom(
    browser: Browser, server: PageServer, shapes: Upload
) -> None:
    context = browser.new_context(locale="en-US", viewport={"width": 900, "height": 640}, has_touch=True)
    chat = ChatPage(context.new_page(), server.url).open()
    chat.wait_connection("online")
    _asked(chat, server, _ANSWER, shapes)
    view = chat.by_id("zoom-view")
    box = view.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, max(80.0, box["y"] + 40)
    main = chat.page.locator("main")
    before = main.evaluate("(main) => main.scrollTop")
    chat.page.mouse.move(x, y)
    chat.page.mouse.wheel(0, -120)
    chat.page.wait_for_function("(before) => document.querySelector('main').scrollTop < before", arg=before)
    expect(view).to_have_attribute("data-scale", "1.00")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(chat.page)
    for kind, half in (("touchStart", 20), ("touchMove", 30), ("touchMove", 50), ("touchMove", 60)):
        points = [{"x": x - half, "y": y, "id": 1}, {"x": x + half, "y": y, "id": 2}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(view).to_have_attribute("data-scale", re.compile(r"^[2-4]\."))
    assert chat.page.evaluate("visualViewport.scale") == 1, "the page itself stays as it is"
    assert chat.errors == []
    context.close()
