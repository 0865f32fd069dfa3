"""How pictures come in, what their thumbnails tell, and which files are refused with a word."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support import pictures
from tests.support.browser import ChatPage, Upload

pytestmark = pytest.mark.browser


@pytest.fixture
def tag(sample_images: Path) -> Upload:
    return Upload.of(sample_images / "03_price_tag_zh.png")


def test_pasted_picture_is_read(page: ChatPage, tag: Upload) -> None:
    page.paste(tag)
    expect(page.strip).to_have_count(1)
    assert "¥5.80" in page.ask("多少钱？")


def test_picked_picture_is_read(page: ChatPage, tag: Upload) -> None:
    page.pick(tag)
    expect(page.strip).to_have_count(1)
    assert "¥5.80" in page.ask("多少钱？")


def test_thumbnail_tells_pixels_and_bytes_and_can_be_removed(page: ChatPage, tag: Upload) -> None:
    page.pick(tag)
    expect(page.strip).to_contain_text(re.compile(r"384\s*×\s*256"))
    expect(page.strip).to_contain_text(re.compile(r"\d\s*(B|KB|KiB|kB)"))
    page.by_id("strip-remove").click()
    expect(page.strip).to_have_count(0)


def test_question_carries_its_picture_into_the_conversation(page: ChatPage, tag: Upload) -> None:
    page.drop(tag)
    page.ask("多少钱？")
    expect(page.strip).to_have_count(0)
    expect(page.questions.last.locator("img")).to_have_count(1)
    expect(page.questions.last).to_contain_text("多少钱？")


def _huge(page: ChatPage) -> None:
    """Drop a file of 200 MB, made inside the browser."""
    page.page.evaluate(
        """() => {
          const transfer = new DataTransfer();
          const head = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
          transfer.items.add(new File([head, new Uint8Array(200e6)], "huge.png", { type: "image/png" }));
          const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
          for (const name of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(name, options));
        }"""
    )


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("letter.png", b"Dear Sir or Madam, this is a letter.", "image/png"),
        ("letter.txt", b"plain text", "text/plain"),
        ("report.pdf", b"%PDF-1.7 " + bytes(200), "application/pdf"),
        ("half.jpg", pictures.truncated_jpeg(), "image/jpeg"),
        ("nothing.png", b"", "image/png"),
        ("bomb.png", None, "image/png"),
        ("huge.png", None, "image/png"),
    ],
    ids=["no picture", "text", "pdf", "truncated jpeg", "empty", "40000 x 40000 png", "200 mb"],
)
def test_bad_file_is_refused_by_name_and_the_conversation_stays(
    page: ChatPage, tag: Upload, name: str, data: bytes | None, media_type: str
) -> None:
    """A notice names the file and what is wrong; chat, draft and the good picture are as they were."""
    page.ask("你是谁？")
    page.composer.fill("还没写完的问题")
    page.drop(tag)
    expect(page.strip).to_have_count(1)
    if name == "huge.png":
        _huge(page)
    else:
        page.drop(Upload(name, pictures.png_bomb() if data is None else data, media_type))
    expect(page.by_id("notice").filter(has_text=name)).to_be_visible()
    expect(page.strip).to_have_count(1)
    expect(page.questions).to_have_count(1)
    expect(page.composer).to_have_value("还没写完的问题")
    assert "¥5.80" in page.ask("多少钱？")


def test_more_pictures_than_the_model_takes_are_refused_with_a_word(page: ChatPage, tag: Upload) -> None:
    """nano sees two pictures; a third one is not added, and not dropped silently either."""
    page.wait_engine("ready")  # the page has heard by now how many pictures this model takes
    others = [Upload(f"tag{n}.png", tag.data, "image/png") for n in range(2)]
    page.drop(*others)
    expect(page.strip).to_have_count(2)
    page.drop(Upload("third.png", tag.data, "image/png"))
    expect(page.by_id("notice").filter(has_text="third.png")).to_be_visible()
    expect(page.strip).to_have_count(2)


def test_picture_of_a_phone_is_turned_upright(page: ChatPage, sample_images: Path) -> None:
    """A photo on its side with an EXIF note reads the same as the upright one."""
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn 90° clockwise to show"
    buffer = io.BytesIO()
    with Image.open(sample_images / "03_price_tag_zh.png") as upright:
        upright.convert("RGB").transpose(Image.Transpose.ROTATE_90).save(
            buffer, "JPEG", quality=92, exif=exif
        )
    page.drop(Upload("phone.jpg", buffer.getvalue(), "image/jpeg"))
    expect(page.strip).to_contain_text(re.compile(r"384\s*×\s*256"))
    assert "¥5.80" in page.ask("多少钱？")
